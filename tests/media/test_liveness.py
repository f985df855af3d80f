"""Who says nothing any more is noticed within two seconds, by the engine's own clock; test_walk has the real line."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from media.engine import TICK_SECONDS
from media.peer import Peer
from media.tracks import Ended
from tests.media.stock import connected, on_loopback
from tests.media.ward import Ward

WITHIN_NS = 2_000_000_000
TICK_NS = int(TICK_SECONDS * 1e9)


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    on_loopback(monkeypatch)


def ticks(ward: Ward, since_ns: int) -> Iterator[int]:
    """The engine's own work at the moments at which it would be done, by a clock of ours."""
    engine = ward.engine
    assert engine._timer is not None
    engine._timer.cancel()
    engine.lag_ms = 0.0
    now_ns = since_ns
    while True:
        now_ns += TICK_NS
        engine._tick += 1
        engine._work(now_ns)
        yield now_ns


@pytest.mark.parametrize("phase", range(0, 25, 6))
async def test_a_peer_of_whom_nothing_is_heard_is_lost_within_two_seconds(
    ward: Ward, phase: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(ward):
        (peer,) = ward.engine.peers.values()
        ended: list[tuple[Peer, Ended]] = []
        monkeypatch.setattr(ward.engine, "end", lambda peer, reason: ended.append((peer, reason)))
        asked: list[int] = []
        monkeypatch.setattr(peer, "check", lambda: asked.append(1))
        assert peer.mouth is not None
        heard = peer.mouth.heard_ns = time.monotonic_ns()
        ward.engine._tick = phase
        for now_ns in ticks(ward, heard):
            if ended:
                break
            assert now_ns - heard < WITHIN_NS, "it should have been noticed"
        assert ended == [(peer, Ended.LOST)]
        assert len(asked) >= 4, "it was asked again and again before"


async def test_a_worker_that_stood_still_itself_listens_before_it_says_that_others_are_silent(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(ward):
        (peer,) = ward.engine.peers.values()
        ended: list[Peer] = []
        monkeypatch.setattr(ward.engine, "end", lambda peer, reason: ended.append(peer))
        monkeypatch.setattr(peer, "check", lambda: None)
        assert peer.mouth is not None
        heard = peer.mouth.heard_ns = time.monotonic_ns()
        moments = ticks(ward, heard)
        next(moments)
        ward.engine.lag_ms = 3_000.0
        for now_ns in moments:
            if now_ns - heard > 2 * WITHIN_NS:
                break
        assert not ended
