"""The media worker as a process: one UDP port for media, one HTTP port for signalling.

Rules: it needs no database to carry a call; grants are verified by their signature; what it measures is in /metrics
and /status, and is telemetry. With a database, what happens in its rooms is told to the log.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable, Coroutine, Sequence

import structlog
from starlette.routing import Route

from infra.health import Vitals
from infra.media_tokens import GrantDesk, grant_desk
from infra.sealing.blobs import sealed_blobs
from infra.serving import bound_socket, serving
from infra.settings import Settings
from infra.turn import ice_servers
from infra.waiting import rest
from media.engine import Engine
from media.framed import listening
from media.measures import measure
from media.native.chosen import chosen
from media.on_the_log import OnTheLog, worker_name
from media.outflow import Outflow
from media.pipe import pipe_socket
from media.recording.feed import RecorderFeed, recorder_socket
from media.recording.still_door import StillDoor
from media.reporter import Reporter, Unheard
from media.signalling import LIMITS, Signalling
from media.udp import Port
from media.way import know_relays

TELL_SECONDS = 1.0
log = structlog.get_logger()
Beside = Callable[[Engine], Coroutine[None, None, None]]
Doors = Callable[[Engine, GrantDesk], Sequence[Route]]


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    if settings.database_url is None:
        await work(settings, vitals, stop, Unheard())
        return
    told = OnTheLog(settings, settings.database_url, vitals)
    try:
        blobs = await asyncio.to_thread(sealed_blobs, settings)

        def doors(engine: Engine, desk: GrantDesk) -> Sequence[Route]:
            return [StillDoor(desk, engine.track, blobs, told.reporter.tell).route()]

        await work(settings, vitals, stop, told.reporter, told.follow, doors)
    finally:
        await told.close()


async def alone(engine: Engine) -> None:
    """A worker without a log has nothing to do beside."""


def no_doors(engine: Engine, desk: GrantDesk) -> Sequence[Route]:
    """Without a log nobody could be told of a still."""
    return ()


async def work(
    settings: Settings,
    vitals: Vitals,
    stop: asyncio.Event,
    reporter: Reporter,
    beside: Beside = alone,
    doors: Doors = no_doors,
) -> None:
    """Carries media until it is asked to stop. `beside` runs as long; `doors` are answered beside the signalling."""
    desk = await asyncio.to_thread(grant_desk, settings)
    port = Port(settings.media_bind_address, settings.media_udp_port, settings.media_public_address)
    engine = Engine(port, reporter)
    engine.egress.sender = chosen(settings.media_native, port)
    feed = RecorderFeed(recorder_socket(settings))
    engine.followers.append(feed)
    engine.start()
    beginnings: list[asyncio.Task[None]] = []
    pipes = await listen_for_edges(engine, settings)
    signalling = Signalling(engine, desk, lambda participant: ice_servers(settings, participant))
    app = signalling.app(settings.allowed_origins or (() if settings.production else ("*",)))
    app.router.routes[:0] = doors(engine, desk)
    sock = bound_socket(settings.media_http_port, settings.listen_address)
    try:
        async with serving(app, sock, **LIMITS) as url:
            engine.url = (settings.media_url or url).rstrip("/")
            beginnings += [asyncio.create_task(feed.run(stop)), asyncio.create_task(beside(engine))]
            beginnings.append(asyncio.create_task(know_relays(engine, settings.turn_urls)))
            vitals.details.update(url=engine.url, udp_port=port.advertised[1])
            vitals.started()
            while not stop.is_set():
                look_at(beginnings)
                tell(engine, vitals)
                await rest(stop, TELL_SECONDS)
    finally:
        if pipes is not None:
            pipes.close()
        for task in reversed(beginnings):
            task.cancel()
        await asyncio.gather(*beginnings, return_exceptions=True)
        await engine.close()


async def listen_for_edges(engine: Engine, settings: Settings) -> asyncio.Server | None:
    """Other workers of this machine are fed from here; without a place for the socket none can be."""
    path = pipe_socket(settings, worker_name(settings))
    try:
        server = await listening(lambda: Outflow(engine), path)
    except (OSError, RuntimeError) as fault:
        log.warning("no_edges", exc_info=fault)
        return None
    engine.pipe = f"{socket.gethostname()}:{path}"
    return server


def look_at(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Raises what ended one of them."""
    for task in tasks:
        if task.done() and not task.cancelled() and (fault := task.exception()) is not None:
            raise fault


def tell(engine: Engine, vitals: Vitals) -> None:
    """What `telehealth status` and /metrics show of this worker."""
    measure(engine)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    vitals.details.update(
        rooms=len(engine.rooms),
        peers=len(engine.peers),
        packets_sent=engine.egress.packets,
        packets_dropped=engine.egress.dropped,
        sender=engine.egress.sender.name,
        loop_lag_ms=round(engine.lag_ms, 1),
        edges=engine.edges,
        held_in_pipes=engine.held_in_pipes,
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 1),
        told=f"{len(engine.rooms)} rooms, {len(engine.peers)} peers on udp {engine.port.advertised[1]},"
        f" {engine.edges} edges fed, sent by {engine.egress.sender.name}",
    )
