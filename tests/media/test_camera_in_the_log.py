"""A camera in a real browser is a fact in the log, and who was not let in does not stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser

from commands._bus import Bus
from domain._live import Source
from domain.live_session import ParticipantJoined, ParticipantLeft, TrackPublished
from infra.reference import load
from media.on_the_log import end_refused
from media.reporter import Fact, Left, Reporter
from media.reporting import LogReporter
from tests.media.screens import screen
from tests.media.test_reporting import Faulty, store
from tests.media.ward import Ward
from tests.story_live import ROOM, seat_of
from tests.story_network import BACH_MAI, NGA

__all__ = ["store"]


@dataclass
class Both:
    """Tells the test and the log."""

    one: Reporter
    other: Reporter

    def tell(self, fact: Fact) -> None:
        self.one.tell(fact)
        self.other.tell(fact)


@pytest.fixture
async def told(ward: Ward, store: Faulty) -> AsyncIterator[LogReporter]:
    reporter = LogReporter(
        Bus(store), load(), "media-1", uuid4(), lambda fact, code: end_refused(ward.engine, fact, code)
    )
    ward.engine.reporter = Both(ward.heard, reporter)
    ward.session_id, ward.point_id = ROOM, BACH_MAI
    yield reporter
    await reporter.close(within_s=1)


async def test_a_camera_is_a_fact_with_its_codec_and_its_people(
    chromium: Browser, ward: Ward, store: Faulty, told: LogReporter
) -> None:
    grant: dict[str, Any] = {"participant_id": seat_of(NGA)}
    async with screen(chromium, ward) as camera:
        await camera.publish(grant=grant, codec="VP8")
        await ward.until(lambda: told.waiting == 0)
        tracks = [at.event for at in store.told() if isinstance(at.event, TrackPublished)]
        assert {one.source for one in tracks} == {Source.CAMERA, Source.AUDIO}
        assert {one.people for one in tracks} == {(NGA,)}
        (picture,) = [one for one in tracks if one.source is Source.CAMERA]
        assert (picture.codec, picture.width, picture.height) == ("VP8", 640, 480)
        (joined,) = [at.event for at in store.told() if isinstance(at.event, ParticipantJoined)]
        assert joined.transport is not None
        assert (joined.transport.path, joined.transport.srtp_profile) == ("direct", "SRTP_AEAD_AES_256_GCM")
        await camera.close("camera")
        await ward.until(lambda: bool(ward.heard.of(Left)))
    await ward.until(lambda: told.waiting == 0)
    assert isinstance(store.told()[-1].event, ParticipantLeft)


async def test_whoever_the_log_does_not_know_is_put_out(
    chromium: Browser, ward: Ward, store: Faulty, told: LogReporter
) -> None:
    async with screen(chromium, ward) as camera:
        arguments = ["camera", ward.whip(), ward.token(participant_id=uuid4()), {}]
        await camera.page.evaluate("([n, u, t, o]) => publish(n, u, t, o)", arguments)
        await ward.until(lambda: bool(ward.heard.of(Left)) and not ward.engine.peers)
    assert not [at for at in store.told() if isinstance(at.event, TrackPublished)]
