"""Janus of Debian as the thing to compare with: its VideoRoom, one event loop, on one core.

Rules: a gate in front of it speaks the benchmark's HTTP and Janus's API; the room's subscribers are offered to, so the
gate answers 200 with Janus's offer, and the load sends its answer; CPU is Janus's own, from /proc, the gate's is not
counted. Janus leaves loopback out, so its packets go by the machine's own address, which never leaves the machine.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ROOM = 1
PLUGIN = "janus.plugin.videoroom"
TICKS = os.sysconf("SC_CLK_TCK")


def own_address() -> str:
    """The machine's own address on its first line; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))
        found: str = asking.getsockname()[0]
        return found


class Janus:
    """One Janus, and one session with it."""

    def __init__(self, url: str, process: asyncio.subprocess.Process) -> None:
        self._url, self._process = url, process
        self._http = httpx.AsyncClient(trust_env=False, timeout=60)
        self._session = ""
        self._events: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._publishers: dict[str, int] = {}
        self._polling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        made = await self._post(self._url, {"janus": "create"})
        self._session = f"{self._url}/{made['data']['id']}"
        self._polling = asyncio.create_task(self._poll())
        handle = await self._attach()
        await self._post(
            f"{self._session}/{handle}",
            {"janus": "message", "body": {"request": "create", "room": ROOM, "publishers": 9, "bitrate": 0}},
        )

    async def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = (await self._http.post(url, json={**body, "transaction": uuid4().hex})).json()
        if answer.get("janus") == "error":
            raise RuntimeError(str(answer["error"]))
        return answer

    async def _poll(self) -> None:
        while True:
            found = (await self._http.get(self._session, params={"maxev": 10})).json()
            for event in found if isinstance(found, list) else [found]:
                if event.get("sender") in self._events and event.get("janus") == "event":
                    self._events[event["sender"]].put_nowait(event)

    async def _attach(self) -> int:
        handle: int = (await self._post(self._session, {"janus": "attach", "plugin": PLUGIN}))["data"]["id"]
        self._events[handle] = asyncio.Queue()
        return handle

    async def _say(
        self, handle: int, body: dict[str, Any], description: dict[str, str] | None = None
    ) -> dict[str, Any]:
        said: dict[str, Any] = {"janus": "message", "body": body}
        if description is not None:
            said["jsep"] = description
        await self._post(f"{self._session}/{handle}", said)
        async with asyncio.timeout(30):
            return await self._events[handle].get()

    async def publish(self, camera: str, offer: str) -> str:
        handle = await self._attach()
        joined = await self._say(handle, {"request": "join", "ptype": "publisher", "room": ROOM})
        self._publishers[camera] = joined["plugindata"]["data"]["id"]
        done = await self._say(handle, {"request": "configure"}, {"type": "offer", "sdp": offer})
        answer: str = done["jsep"]["sdp"]
        return answer

    async def watch(self, camera: str) -> tuple[int, str]:
        handle, feed = await self._attach(), self._publishers[camera]
        body = {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": feed}]}
        return handle, (await self._say(handle, body))["jsep"]["sdp"]

    async def start(self, handle: int, answer: str) -> None:
        await self._say(handle, {"request": "start"}, {"type": "answer", "sdp": answer})

    def usage(self) -> dict[str, float]:
        own = Path(f"/proc/{self._process.pid}")
        used = own.joinpath("stat").read_text().rpartition(")")[2].split()
        waited = sum(int((task / "schedstat").read_text().split()[1]) for task in own.joinpath("task").iterdir())
        pages = int(own.joinpath("statm").read_text().split()[1])
        return {
            "cpu": (int(used[11]) + int(used[12])) / TICKS,
            "rss_mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            "waited": waited / 1e9,
        }


async def janus() -> tuple[Starlette, Any]:
    """The gate, and the Janus behind it, which ends with the gate's process."""
    started = await _started()
    await started.open()

    async def grants(_: Request) -> Response:
        return JSONResponse({"publisher": "none", "viewer": "none", "address": own_address()})

    async def counted(_: Request) -> Response:
        return JSONResponse(started.usage())

    async def publish(request: Request) -> Response:
        return Response(await started.publish(request.headers["x-camera"], (await request.body()).decode()), 201)

    async def watch(request: Request) -> Response:
        handle, offer = await started.watch(request.headers["x-camera"])
        return Response(offer, 200, {"X-Answer-To": f"/answers/{handle}"})

    async def answered(request: Request) -> Response:
        await started.start(int(request.path_params["handle"]), (await request.body()).decode())
        return Response(status_code=204)

    routes = [
        Route("/grants", grants),
        Route("/usage", counted),
        Route("/whip/{path:path}", publish, methods=["POST"]),
        Route("/whep/{path:path}", watch, methods=["POST"]),
        Route("/answers/{handle}", answered, methods=["POST"]),
    ]
    return Starlette(routes=routes), started


async def _started() -> Janus:
    folder = Path(tempfile.mkdtemp(prefix="telehealth-janus-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "janus.jcfg").write_text(
        "general: { debug_level = 1 event_loops = 1 log_to_stdout = false "
        f'log_to_file = "{folder}/log" }}\n'
        'plugins: { disable = "' + ",".join(f"libjanus_{name}.so" for name in _OTHERS) + '" }\n'
        'transports: { disable = "libjanus_websockets.so,libjanus_pfunix.so,libjanus_mqtt.so,libjanus_rabbitmq.so,'
        'libjanus_nanomsg.so" }\n'
    )
    (folder / "janus.transport.http.jcfg").write_text(
        f'general: {{ json = "compact" base_path = "/janus" http = true port = {port} '
        'ip = "127.0.0.1" https = false }\n'
        "admin: { admin_http = false }\n"
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    process = await asyncio.create_subprocess_exec(
        *(shutil.which("setpriv") or "setpriv", "--pdeathsig", "KILL"),
        *("janus", "-F", str(folder)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/janus"
    async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                await client.get(f"{url}/info")
                return Janus(url, process)
            except httpx.TransportError:
                await asyncio.sleep(0.1)


_OTHERS = (
    "audiobridge",
    "duktape",
    "echotest",
    "lua",
    "nosip",
    "recordplay",
    "sip",
    "streaming",
    "textroom",
    "videocall",
    "voicemail",
)
