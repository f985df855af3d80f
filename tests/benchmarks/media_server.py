"""What is measured, each in a process of its own on a core of its own: our worker, aiortc's own MediaRelay, and Janus.

`python -m tests.benchmarks.media_server ours|native|relay|janus CORE FOLDER`: prints its address, and answers /usage.
`native` is ours with the way out in C, from the library that was built into the folder.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
from pathlib import Path
from typing import Any

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from infra.process import spare_the_collector
from infra.serving import bound_socket, serving
from media.native.build import library
from tests.benchmarks.media_ends import first_on, on_loopback


def usage() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    waited = int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    return {"cpu": used.ru_utime + used.ru_stime, "rss_mb": pages * resource.getpagesize() / 1e6, "waited": waited}


def ours(native: Path | None) -> tuple[Starlette, Any]:
    from infra.media_tokens import GrantDesk, fresh_key
    from media.admission import Admission
    from media.engine import Engine
    from media.native.chosen import chosen
    from media.reporter import Unheard
    from media.signalling import Signalling
    from media.udp import Port
    from tests.benchmarks.media_ends import granted

    key = fresh_key()
    key.ensure_kid()
    desk = GrantDesk([key])
    engine = Engine(Port("127.0.0.1", 0), Unheard())
    if native is not None:
        engine.egress.sender = chosen("on", engine.port, native)
    engine.start()

    async def grants(request: Request) -> Response:
        camera = int(request.query_params["camera"])
        return JSONResponse({role: desk.issue(granted(role, camera)) for role in ("publisher", "viewer")})

    async def counted(_: Request) -> Response:
        dropped = {**engine.port.dropped, "egress": engine.egress.dropped, "malformed": engine.malformed}
        return JSONResponse(
            {
                **usage(),
                "sent": engine.egress.packets,
                "bursts": engine.egress.bursts,
                "dropped": dropped,
                "lag_ms": engine.lag_ms,
            }
        )

    door = Signalling(engine, desk, admission=Admission(rate=1_000, waiting=1_000)).app()
    return Starlette(routes=[Route("/grants", grants), Route("/usage", counted), Mount("/", door)]), engine


def relay() -> tuple[Starlette, Any]:
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
    from aiortc.contrib.media import MediaRelay

    fan_out = MediaRelay()
    kept: list[Any] = []
    tracks: list[Any] = []

    async def answered(request: Request, connection: RTCPeerConnection) -> Response:
        kept.append(connection)
        await connection.setRemoteDescription(RTCSessionDescription((await request.body()).decode(), "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return Response(connection.localDescription.sdp, 201, media_type="application/sdp")

    async def publish(request: Request) -> Response:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.on("track", tracks.append)
        return await answered(request, connection)

    async def watch(request: Request) -> Response:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTrack(fan_out.subscribe(tracks[0]))
        return await answered(request, connection)

    async def grants(_: Request) -> Response:
        return JSONResponse({"publisher": "none", "viewer": "none"})

    async def counted(_: Request) -> Response:
        return JSONResponse(usage())

    routes = [
        Route("/grants", grants),
        Route("/usage", counted),
        Route("/whip/{path:path}", publish, methods=["POST"]),
        Route("/whep/{path:path}", watch, methods=["POST"]),
    ]
    return Starlette(routes=routes), kept


async def main(kind: str, folder: Path) -> None:
    on_loopback()
    if kind == "janus":
        from tests.benchmarks.media_janus import janus

        app, _held = await janus()
    else:
        app, _held = relay() if kind == "relay" else ours(library(folder) if kind == "native" else None)
    async with serving(app, bound_socket(0)) as url:
        gc.collect()
        print(url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    first_on(int(sys.argv[2]))
    spare_the_collector()
    uvloop.run(main(sys.argv[1], Path(sys.argv[3])))
