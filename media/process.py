"""The media worker as a process: one UDP port for media, one HTTP port for signalling.

Rules: it needs no database to carry a call; grants are verified by their signature; what it measures is in /metrics
and /status, and is telemetry, never events.
"""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress

from infra.health import Vitals
from infra.media_tokens import grant_desk
from infra.serving import bound_socket, serving
from infra.settings import Settings
from infra.turn import ice_servers
from media.engine import Engine
from media.measures import measure
from media.recording.feed import RecorderFeed, recorder_socket
from media.reporter import Reporter, Unheard
from media.signalling import Signalling
from media.udp import Port

TELL_SECONDS = 1.0
LARGEST_HEADER = 16 * 1024


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    await work(settings, vitals, stop, Unheard())


async def work(settings: Settings, vitals: Vitals, stop: asyncio.Event, reporter: Reporter) -> None:
    """Carries media until it is asked to stop."""
    desk = await asyncio.to_thread(grant_desk, settings)
    port = Port(settings.media_bind_address, settings.media_udp_port, settings.media_public_address)
    engine = Engine(port, reporter)
    feed = RecorderFeed(recorder_socket(settings))
    engine.followers.append(feed)
    engine.start()
    feeding = asyncio.create_task(feed.run(stop))
    signalling = Signalling(engine, desk, lambda participant: ice_servers(settings, participant))
    origins = settings.allowed_origins or (() if settings.production else ("*",))
    sock = bound_socket(settings.media_http_port)
    try:
        async with serving(signalling.app(origins), sock, h11_max_incomplete_event_size=LARGEST_HEADER) as url:
            vitals.details.update(url=url, udp_port=port.advertised[1])
            vitals.started()
            while not stop.is_set():
                tell(engine, vitals)
                with suppress(TimeoutError):
                    async with asyncio.timeout(TELL_SECONDS):
                        await stop.wait()
    finally:
        await engine.close()
        feeding.cancel()
        with suppress(asyncio.CancelledError):
            await feeding


def tell(engine: Engine, vitals: Vitals) -> None:
    """What `telehealth status` and /metrics show of this worker."""
    measure(engine)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    vitals.details.update(
        rooms=len(engine.rooms),
        peers=len(engine.peers),
        packets_sent=engine.egress.packets,
        packets_dropped=engine.egress.dropped,
        loop_lag_ms=round(engine.lag_ms, 1),
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 1),
        told=f"{len(engine.rooms)} rooms, {len(engine.peers)} peers on udp {engine.port.advertised[1]}",
    )
