"""What is said over the data channels of a room, between real browsers and a stock peer."""

from __future__ import annotations

from uuid import uuid4

from playwright.async_api import Browser

from commands.live_session_talk import MuteParticipant, UnmuteParticipant
from domain._live import Destination
from domain.live_session import (
    MessagePosted,
    PictureFrozen,
    PointerPlaced,
    StrokeDrawn,
)
from infra.media_tokens import Grant, MediaRole, Source
from media.publisher import SILENCE
from media.reporter import TrackBegan
from media.reporting import nobody
from media.subscription import Subscription
from media.tracks import Ended, Kind
from tests.media.consulting import Consulting
from tests.media.screens import Screen, screen
from tests.media.talkers import (
    SMALL,
    Peer,
    hears,
    in_a_minute,
    peer,
    peer_at_home,
    say,
)
from tests.media.test_subscription import negotiate
from tests.story_live import ROOM, seat_of
from tests.story_network import BACH_MAI, DUNG, MAY, NGA


async def test_browsers_and_a_stock_peer_talk_point_and_draw(chromium: Browser, consulting: Consulting) -> None:
    ward = consulting.ward
    async with screen(chromium, ward) as one, screen(chromium, ward) as two, peer(consulting, MAY) as may:
        await one.publish(grant=consulting.grant(NGA), **SMALL)
        ward.point_id = BACH_MAI
        watching = ["screen", ward.whep(), consulting.token(DUNG), {"audio": False, "talks": True}]
        await two.page.evaluate("([n, u, t, o]) => watch(n, u, t, o)", watching)
        await hears(one, "camera", "room")
        await hears(two, "screen", "room")
        picture = next(x.track for x in ward.heard.of(TrackBegan) if x.track.kind is Kind.VIDEO)
        track = str(picture.track_id)

        await _write_to_each_other(one, two, may)
        await two.frames(3)
        await say(two, "screen", "pointer", type="pointer", trackId=track, x=0.25, y=0.5)
        await say(two, "screen", "pointer", type="pointer", trackId=track, x=0.75, y=0.5, up=True)
        (there, *_) = await hears(one, "camera", "pointer")
        assert (there["over"], there["participantId"], there["trackId"]) == ("pointer", str(seat_of(DUNG)), track)
        assert (await may.hears("pointer"))[0]["trackId"] == track, "who opened one channel gets it over that"
        assert not await two.page.evaluate("talkOf('screen', 'pointer').length"), "not back to who points"

        await _measure_and_freeze(one, two, track)
    (pointed,) = await consulting.told(PointerPlaced)
    assert [str(dot.x) for dot in pointed.dots] == ["0.25", "0.75"]
    (kept,) = await consulting.told(StrokeDrawn)
    (held,) = await consulting.told(PictureFrozen)
    assert abs((held.frame.taken_at - kept.frame.taken_at).total_seconds()) < 600
    assert kept.track_id == picture.track_id


async def _write_to_each_other(camera: Screen, viewer: Screen, stock: Peer) -> None:
    await say(viewer, "screen", type="chat", id=str(uuid4()), text="Hình rất rõ")
    assert (await hears(camera, "camera", "chat"))[0]["text"] == "Hình rất rõ"
    await stock.hears("chat")
    await say(camera, "camera", type="chat", id=str(uuid4()), text="Cảm ơn")
    assert [x["text"] for x in await hears(viewer, "screen", "chat", 2)] == ["Hình rất rõ", "Cảm ơn"]


async def _measure_and_freeze(camera: Screen, viewer: Screen, track: str) -> None:
    stroke = str(uuid4())
    dots = [{"x": 0.1, "y": 0.2}, {"x": 0.3, "y": 0.4, "atMs": 80}]
    told = {"trackId": track, "shape": "calliper", "dots": dots, "label": "21 mm"}
    await say(viewer, "screen", message={"type": "stroke", "id": stroke, **told})
    (drawn,) = await hears(camera, "camera", "stroke")
    assert (drawn["id"], drawn["label"], len(drawn["dots"])) == (stroke, "21 mm", 2)
    await say(camera, "camera", type="freeze", id=str(uuid4()), trackId=track)
    (frozen,) = await hears(viewer, "screen", "freeze")
    assert frozen["rtp"] is not None, "in the viewer's own numbers"


async def test_a_picture_that_is_withheld_is_not_there_to_point_at(chromium: Browser, consulting: Consulting) -> None:
    ward = consulting.ward
    # What the log says of an ultrasound without an examination is not asked here.
    consulting.log.refused = nobody
    secret = {**consulting.grant(NGA), "withheld_from": frozenset({Destination.PATIENT_SIDE})}
    async with screen(chromium, ward) as one, peer(consulting, DUNG) as dung, peer_at_home(consulting) as home:
        await one.publish(Source.ULTRASOUND, grant=secret, audio=False, **SMALL)
        track = str(ward.heard.of(TrackBegan)[0].track.track_id)
        for x in (0.1, 0.2):
            dung.say(type="pointer", trackId=track, x=x, y=0.5)
        await hears(one, "ultrasound", "pointer")
        home.say(type="pointer", trackId=track, x=0.1, y=0.5)
        assert (await home.hears("error"))[0]["code"] == "NO_SUCH_TRACK"
        home.say(type="freeze", id=str(uuid4()), trackId=track)
        assert (await home.hears("refused"))[0]["code"] == "NO_SUCH_TRACK"
        assert home.of("pointer") == []


async def test_who_only_watches_a_whole_room_reads_and_is_refused_when_it_writes(
    chromium: Browser, consulting: Consulting
) -> None:
    ward = consulting.ward
    consulting.log.refused = nobody
    async with screen(chromium, ward) as camera, screen(chromium, ward) as observer, peer(consulting, DUNG) as dung:
        await camera.publish(grant=consulting.grant(NGA), **SMALL)
        grant = Grant(ROOM, uuid4(), uuid4(), MediaRole.VIEWER, frozenset(), in_a_minute())
        subscription = Subscription(ward.engine, ward.engine.room(ROOM), grant, lambda: None)
        await negotiate(subscription, observer)
        await hears(observer, "room", "room")
        dung.say(type="chat", id=str(uuid4()), text="cho mọi người")
        assert (await hears(observer, "room", "chat"))[0]["text"] == "cho mọi người"
        await say(observer, "room", type="chat", id=str(uuid4()), text="có được không?")
        assert (await hears(observer, "room", "refused"))[0]["code"] == "OBSERVERS_ARE_SILENT"
        await say(observer, "room", type="hand", up=True)
        assert (await hears(observer, "room", "error"))[0]["code"] == "OBSERVERS_ARE_SILENT"
        assert await consulting.told(MessagePosted) != []


async def test_who_is_silenced_is_heard_as_silence_and_then_heard_again(
    chromium: Browser, consulting: Consulting
) -> None:
    ward, ngas = consulting.ward, {"live_session_id": ROOM, "participant_id": seat_of(NGA)}
    async with screen(chromium, ward) as one:
        await one.publish(grant=consulting.grant(NGA), **SMALL)
        sound = next(x.track for x in ward.heard.of(TrackBegan) if x.track.kind is Kind.AUDIO)
        tap = Sizes()
        track = ward.engine.track(ROOM, sound.track_id)
        assert track is not None
        track.add_tap(tap)
        await ward.until(lambda: tap.loud > 10, 60)
        await consulting.order(MuteParticipant(**ngas))
        room = ward.engine.rooms[ROOM]
        await ward.until(lambda: seat_of(NGA) in room.orders.silent, 60)
        tap.loud = tap.silent = 0
        await ward.until(lambda: tap.silent > 20, 60)
        assert tap.loud == 0, "nothing of the voice"
        assert tap.holes == 0, "and no hole that a recording would tell of"
        await consulting.order(UnmuteParticipant(**ngas))
        await ward.until(lambda: not room.orders.silent, 60)
        tap.loud = 0
        await ward.until(lambda: tap.loud > 10, 60)


class Sizes:
    """Counts what a recorder would get: packets of silence, others, and numbers that are missing."""

    def __init__(self) -> None:
        self.loud = self.silent = self.holes = 0
        self._seen: set[int] = set()

    def packet(self, rtp: bytes, arrived_ns: int) -> None:
        self._seen.add(int.from_bytes(rtp[2:4]))
        self.holes = (max(self._seen) - min(self._seen) + 1) - len(self._seen) if max(self._seen) < 65_000 else 0
        if rtp[12:] == SILENCE:
            self.silent += 1
        else:
            self.loud += 1

    def sender_report(self, ntp: int, rtp_timestamp: int) -> None:
        """Times are not asked for."""

    def ended(self, reason: Ended) -> None:
        """Nor the end."""
