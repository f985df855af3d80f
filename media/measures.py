"""What the worker tells of itself at /metrics, read from the engine once a second."""

from __future__ import annotations

from infra.measures import (
    MEDIA_DROPPED,
    MEDIA_EDGES,
    MEDIA_HELD,
    MEDIA_LAG_SECONDS,
    MEDIA_OCTETS_SENT,
    MEDIA_PACKETS_SENT,
    MEDIA_PEERS,
    MEDIA_ROOMS,
    MEDIA_TRACK_KBIT,
    MEDIA_TRACK_LOSS,
    MEDIA_TURNED_AWAY,
)
from media.engine import Engine
from media.publisher import Publisher


def measure(engine: Engine) -> None:
    MEDIA_ROOMS.set(len(engine.rooms))
    publishers = sum(isinstance(peer, Publisher) for peer in engine.peers.values())
    MEDIA_PEERS.labels("publisher").set(publishers)
    MEDIA_PEERS.labels("viewer").set(len(engine.peers) - publishers)
    MEDIA_PACKETS_SENT.set(engine.egress.packets)
    MEDIA_OCTETS_SENT.set(engine.egress.octets)
    MEDIA_LAG_SECONDS.set(engine.lag_ms / 1000)
    MEDIA_TURNED_AWAY.set(engine.turned_away)
    MEDIA_EDGES.set(engine.edges)
    MEDIA_HELD.set(engine.held_in_pipes)
    for reason, count in engine.port.dropped.items():
        MEDIA_DROPPED.labels(reason).set(count)
    MEDIA_DROPPED.labels("malformed").set(engine.malformed)
    MEDIA_DROPPED.labels("egress").set(engine.egress.dropped)
    kbit: dict[str, float] = {}
    loss: dict[str, float] = {}
    for room in engine.rooms.values():
        for track in room.tracks.values():
            numbers, source = track.measured(), f"{track.description.source.value}/{track.description.kind.value}"
            kbit[source] = kbit.get(source, 0.0) + numbers.kbit_per_second
            loss[source] = max(loss.get(source, 0.0), numbers.loss_before)
    for source, value in kbit.items():
        MEDIA_TRACK_KBIT.labels(source).set(value)
        MEDIA_TRACK_LOSS.labels(source).set(loss[source])
