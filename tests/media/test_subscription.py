"""One connection for a whole room, offered by the worker: lines come, are left, and are taken again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser

from domain._live import Destination
from infra.media_tokens import Grant, MediaRole, Source
from media.negotiation import OfferRefused
from media.publisher import Publisher
from media.subscription import Subscription
from media.tracks import Kind
from tests.media.screens import Screen, screen
from tests.media.ward import Ward


def subscribed(
    ward: Ward,
    told: list[bool],
    participant_id: UUID | None = None,
    audience: Destination = Destination.CLINICIAN,
) -> Subscription:
    grant = Grant(
        ward.session_id,
        uuid4(),
        participant_id or uuid4(),
        MediaRole.VIEWER,
        frozenset(),
        datetime.now(UTC) + timedelta(minutes=1),
        audience,
    )
    return Subscription(ward.engine, ward.engine.room(ward.session_id), grant, lambda: told.append(True))


async def negotiate(subscription: Subscription, bridge: Screen) -> None:
    answer = await bridge.page.evaluate("offer => answerTo('room', offer)", await subscription.offer())
    await subscription.accept(answer)


async def shows(ward: Ward, bridge: Screen, subscription: Subscription, point: UUID, more: int = 15) -> None:
    """Waits until that many more frames of that point were shown."""
    line = next(one for one in subscription.lines() if (one.point_id, one.kind) == (point, Kind.VIDEO))
    first = (await bridge.page.evaluate("shown('room')")).get(line.mid, 0)
    async with asyncio.timeout(90):
        while (await bridge.page.evaluate("shown('room')")).get(line.mid, 0) < first + more:
            await asyncio.sleep(0.05)


async def test_a_room_comes_over_one_connection_and_grows(chromium: Browser, ward: Ward) -> None:
    told: list[bool] = []
    sa_pa, thai_nguyen, late = uuid4(), uuid4(), uuid4()
    async with screen(chromium, ward) as one, screen(chromium, ward) as two, screen(chromium, ward) as bridge:
        await one.publish(grant={"point_id": sa_pa}, width=320, height=240)
        subscription = subscribed(ward, told)
        await negotiate(subscription, bridge)
        await shows(ward, bridge, subscription, sa_pa)
        assert not subscription.wants_offer

        told.clear()
        await two.publish(grant={"point_id": thai_nguyen}, width=320, height=240)
        await ward.until(lambda: bool(told) and subscription.wants_offer)
        await negotiate(subscription, bridge)
        await shows(ward, bridge, subscription, thai_nguyen)
        await shows(ward, bridge, subscription, sa_pa)
        lines = len(subscription.lines())

        await two.close("camera")
        await ward.until(lambda: any(not line.live for line in subscription.lines()))
        await two.publish(grant={"point_id": late}, width=320, height=240)
        await ward.until(lambda: any(line.point_id == late and line.live for line in subscription.lines()))
        await shows(ward, bridge, subscription, late)
        assert len(subscription.lines()) == lines, "the line of the one who left was taken without a new offer"
        assert not subscription.wants_offer


async def test_lines_are_offered_while_a_publisher_still_shakes_hands(chromium: Browser, ward: Ward) -> None:
    told: list[bool] = []
    sa_pa = uuid4()
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        subscription = subscribed(ward, told)
        assert not subscription.wants_offer
        with pytest.MonkeyPatch.context() as nothing_comes:
            nothing_comes.setattr(Publisher, "packet", lambda self, data, now_ns: None)
            coming = asyncio.create_task(camera.publish(grant={"point_id": sa_pa}, width=320, height=240))
            await ward.until(lambda: bool(told) and subscription.wants_offer)
            await negotiate(subscription, bridge)
            lines = {(line.point_id, line.kind, line.live) for line in subscription.lines()}
            assert lines == {(sa_pa, Kind.VIDEO, False), (sa_pa, Kind.AUDIO, False)}
            assert not subscription.wants_offer
        await coming
        await shows(ward, bridge, subscription, sa_pa)
        assert len(subscription.lines()) == 2, "what began goes into the lines that were made for it"


async def test_nobody_is_offered_a_line_for_what_will_be_withheld(chromium: Browser, ward: Ward) -> None:
    told: list[bool] = []
    async with screen(chromium, ward) as probe:
        home, doctor = subscribed(ward, told, audience=Destination.PATIENT_SIDE), subscribed(ward, told)
        with pytest.MonkeyPatch.context() as nothing_comes:
            nothing_comes.setattr(Publisher, "packet", lambda self, data, now_ns: None)
            grant = {"withheld_from": frozenset({Destination.PATIENT_SIDE})}
            coming = asyncio.create_task(probe.publish(Source.ULTRASOUND, grant=grant, audio=False))
            await ward.until(lambda: doctor.wants_offer)
            assert not home.wants_offer
        await coming
        assert doctor.wants_offer
        assert not home.wants_offer


async def test_a_line_waits_for_whom_it_was_made_and_is_free_when_he_does_not_come(
    chromium: Browser, ward: Ward
) -> None:
    told: list[bool] = []
    late = uuid4()
    async with screen(chromium, ward) as camera, screen(chromium, ward) as other, screen(chromium, ward) as bridge:
        subscription = subscribed(ward, told)
        with pytest.MonkeyPatch.context() as nothing_comes:
            nothing_comes.setattr(Publisher, "packet", lambda self, data, now_ns: None)
            arguments = ["camera", ward.whip(), ward.token(), {"audio": False}]
            await camera.page.evaluate("([n, u, t, o]) => publish(n, u, t, o)", arguments)
            await ward.until(lambda: subscription.wants_offer)
            await negotiate(subscription, bridge)
            await camera.close("camera")
            await ward.until(lambda: not ward.engine.rooms[ward.session_id].coming)
        await other.publish(grant={"point_id": late}, audio=False, width=320, height=240)
        await shows(ward, bridge, subscription, late)
        assert len(subscription.lines()) == 1


async def test_nobody_is_sent_what_he_publishes_himself(chromium: Browser, ward: Ward) -> None:
    own = uuid4()
    async with screen(chromium, ward) as camera:
        await camera.publish(grant={"participant_id": own})
        subscription = subscribed(ward, [], own)
        with pytest.raises(OfferRefused) as refused:
            await subscription.offer()
        assert refused.value.code == "NOTHING_IS_LIVE"


@pytest.mark.parametrize("answer", ["", "v=0\r\n", "nonsense", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"])
async def test_an_answer_that_does_not_fit_is_refused_and_the_offer_stands(
    chromium: Browser, ward: Ward, answer: str
) -> None:
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish()
        subscription = subscribed(ward, [])
        offer = await subscription.offer()
        with pytest.raises(OfferRefused):
            await subscription.accept(answer)
        await subscription.accept(await bridge.page.evaluate("offer => answerTo('room', offer)", offer))
        await shows(ward, bridge, subscription, ward.point_id)
    assert Source.CAMERA in {line.source for line in subscription.lines()}
