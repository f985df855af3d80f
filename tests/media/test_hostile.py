"""Whatever a stranger sends, the worker lives, remembers little of it, and a call that goes on is not disturbed."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pylibsrtp
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.async_api import Browser

from infra.media_tokens import MediaRole, Source
from media import rtp
from media.admission import Admission
from media.layer import MOST_MISSING
from media.payloads import INSPECTIONS, Size, sps_size
from media.publisher import MOST_SSRCS, Publisher
from media.reporter import Left
from media.rtp import Packet
from media.udp import ADDRESSES_OF_A_PEER, WAITING_DATAGRAMS
from tests.media.screens import screen
from tests.media.stock import connected, dtls_of, offer_of, on_loopback, post
from tests.media.ward import Ward
from tests.media.ward import ward as made

FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    on_loopback(monkeypatch)


@pytest.fixture
async def offer() -> str:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="sendonly")
    connection.addTransceiver("audio", direction="sendonly")
    text = await offer_of(connection)
    await connection.close()
    return text


@given(st.binary(max_size=1_500))
def test_no_bytes_break_the_reading_of_packets(data: bytes) -> None:
    raw = rtp.read(data)
    if raw is not None:
        assert rtp.FIXED <= raw.start <= raw.end <= len(data)


@given(st.binary(max_size=200), st.sampled_from(sorted(INSPECTIONS)))
def test_no_payload_breaks_its_inspection(data: bytes, codec: str) -> None:
    packet = Packet(1, 1, 0, data, 1)
    INSPECTIONS[codec](packet, Size())
    if packet.picture is not None:
        place, width, _, base = packet.picture
        assert place + width <= len(data)
        assert base < len(data)


@given(st.binary(max_size=64))
def test_no_parameter_set_breaks_its_reading(data: bytes) -> None:
    found = sps_size(b"\x67" + data)
    assert found is None or all(0 < side <= 16_384 for side in found)


@FUZZ
@given(datagrams=st.lists(st.binary(min_size=0, max_size=1_400), max_size=30))
async def test_datagrams_of_strangers_are_dropped_without_an_answer(ward: Ward, datagrams: list[bytes]) -> None:
    with _stranger(ward) as stranger:
        for data in datagrams:
            stranger.send(data)
        await asyncio.sleep(0.01)
        with pytest.raises(BlockingIOError):
            stranger.recv(2_048)
    assert ward.engine.port.addresses == 0


async def test_a_check_without_the_password_binds_no_address_and_gets_no_answer(ward: Ward) -> None:
    from aioice import stun

    async with connected(ward):
        mouth = next(iter(ward.engine.peers.values())).mouth
        assert mouth is not None
        known = ward.engine.port.addresses
        check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        check.attributes.update({"USERNAME": f"{mouth.user_name}:abcd", "PRIORITY": 1, "ICE-CONTROLLING": 1})
        check.add_message_integrity(b"guessed password of somebody")
        with _stranger(ward) as stranger:
            stranger.send(bytes(check))
            await asyncio.sleep(0.05)
            with pytest.raises(BlockingIOError):
                stranger.recv(2_048)
        assert ward.engine.port.addresses == known
        assert ward.engine.port.dropped["unsigned"] == 1


async def test_a_flood_of_handshakes_fills_its_own_queue_and_no_more(ward: Ward) -> None:
    async with connected(ward):
        mouth = next(iter(ward.engine.peers.values())).mouth
        assert mouth is not None
        port, address = ward.engine.port, next(iter(mouth.addresses))
        for _ in range(1_000):
            port.buffer[:50] = b"\x16" + bytes(49)
            port.received(50, address)
        assert port.dropped["flood"] >= 1_000 - WAITING_DATAGRAMS
        assert mouth.receiver._queue.qsize() <= WAITING_DATAGRAMS


async def test_a_peer_of_many_addresses_keeps_the_newest(ward: Ward) -> None:
    async with connected(ward):
        mouth = next(iter(ward.engine.peers.values())).mouth
        assert mouth is not None
        for number in range(100):
            ward.engine.port.bind(("127.0.0.1", 20_000 + number), mouth)
        assert ward.engine.port.addresses == ADDRESSES_OF_A_PEER
        assert ("127.0.0.1", 20_099) in mouth.addresses


@FUZZ
@given(cut=st.integers(0, 2_000), noise=st.binary(max_size=200), seed=st.integers(0, 1_000))
async def test_every_mangled_offer_gets_an_answer_with_a_code(
    ward: Ward, offer: str, cut: int, noise: bytes, seed: int
) -> None:
    chance, text = random.Random(seed), offer.encode()
    lines = (text[: cut % len(text)] + noise + text[cut % len(text) :]).split(b"\r\n")
    del lines[chance.randrange(len(lines))]
    if seed % 2:
        chance.shuffle(lines)
    answer = await post(ward.whip(), ward.token(), b"\r\n".join(lines))
    assert answer.status_code in (201, 400, 413, 422), answer.text
    if answer.status_code != 201:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"]


REFUSED: dict[str, tuple[int, tuple[tuple[str, str], ...]]] = {
    "SDP_TOO_LARGE": (413, (("s=-", "s=-" + "\r\na=x" * 2_000),)),
    "SDP_MALFORMED": (400, (("m=video", "m=film"),)),
    "CODEC_NOT_OFFERED": (422, ((" VP8/", " XP8/"), (" H264/", " X264/"), (" VP9/", " XP9/"))),
    "SDP_NOT_MUXED": (422, (("a=rtcp-mux\r\n", ""),)),
    "SDP_NOT_BUNDLED": (422, (("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"),)),
    "NOTHING_IS_SENT": (422, (("a=sendonly", "a=recvonly"),)),
    "ONE_SOURCE_A_CONNECTION": (422, (("m=audio", "m=video"),)),
}


@pytest.mark.parametrize("code", REFUSED)
async def test_an_offer_that_cannot_be_answered_is_refused_with_its_reason(ward: Ward, offer: str, code: str) -> None:
    status, changes = REFUSED[code]
    for before, after in changes:
        assert before in offer
        offer = offer.replace(before, after)
    answer = await post(ward.whip(), ward.token(), offer)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not ward.engine.peers, "nothing was made for it"


async def test_who_may_not_is_told_why(ward: Ward, offer: str) -> None:
    viewer = await post(ward.whip(), ward.token(MediaRole.VIEWER), offer)
    assert (viewer.status_code, viewer.json()["code"]) == (403, "SOURCE_NOT_GRANTED")
    camera = ward.token(sources=frozenset({Source.CAMERA}))
    ultrasound = await post(ward.whip(Source.ULTRASOUND), camera, offer)
    assert (ultrasound.status_code, ultrasound.json()["code"]) == (403, "SOURCE_NOT_GRANTED")
    forged = await post(ward.whip(), "no.token.atall", offer)
    assert (forged.status_code, forged.json()["code"]) == (401, "GRANT_INVALID")
    kind = await post(ward.whip(), ward.token(), offer, **{"Content-Type": "text/plain"})
    assert (kind.status_code, kind.json()["code"]) == (415, "WRONG_MEDIA_TYPE")
    early = await post(ward.whep(), ward.token(MediaRole.VIEWER), offer)
    assert (early.status_code, early.json()["code"]) == (409, "NOTHING_IS_LIVE")
    assert early.headers["retry-after"]


async def test_a_flood_of_joins_is_told_to_come_again(offer: str) -> None:
    async with made(Admission(rate=1, waiting=2)) as ward:
        answers = await asyncio.gather(*(post(ward.whip(), ward.token(), offer) for _ in range(40)))
        codes = [answer.status_code for answer in answers]
        assert set(codes) == {201, 503}
        assert codes.count(201) < 20
        assert all(int(a.headers["retry-after"]) >= 1 for a in answers if a.status_code == 503)
        assert ward.engine.turned_away == codes.count(503)


@pytest.fixture
async def misbehaving(ward: Ward) -> AsyncIterator[RTCPeerConnection]:
    async with connected(ward, data=True) as connection:
        yield connection


async def send(connection: RTCPeerConnection, packet: bytes) -> None:
    """What the sender's own SRTP refuses is not sent."""
    with suppress(pylibsrtp.Error):
        await dtls_of(connection)._send_rtp(packet)


@FUZZ
@given(packets=st.lists(st.tuples(st.booleans(), st.binary(min_size=8, max_size=1_000)), max_size=30))
async def test_a_peer_with_keys_who_sends_nonsense_harms_nobody(
    ward: Ward, misbehaving: RTCPeerConnection, packets: list[tuple[bool, bytes]]
) -> None:
    publisher = publisher_of(ward)
    for control, data in packets:
        if control:
            words = len(data) // 4
            head = bytes([0x80 | data[0] & 0x3F, 192 + data[1] % 32]) + words.to_bytes(2)
            await send(misbehaving, head + data[: 4 * words])
        else:
            types = (*publisher._by_type, data[1] & 0x3F)
            head = bytes([0x80 | data[0] & 0x3F, types[data[2] % len(types)]])
            await send(misbehaving, head + data[2:].ljust(40, b"\0"))
        await dtls_of(misbehaving)._send_data(data)
    await asyncio.sleep(0.01)
    assert len(publisher._by_ssrc) <= MOST_SSRCS
    assert publisher.joined
    assert not publisher.closed


async def test_numbers_that_jump_about_fill_no_memory(ward: Ward, misbehaving: RTCPeerConnection) -> None:
    chance, publisher = random.Random(3), publisher_of(ward)
    payload_type, sequence = publisher.tracks[0].description.payload_type, 0
    for number in range(2_000):
        sequence += chance.choice((1, 2, 30, 400, 5_000))
        packet = rtp.assemble(sequence, number, 1 + number % 50, payload_type, 0, b"\x10\x00" * 20)
        await send(misbehaving, packet)
    await ward.until(lambda: bool(publisher.layers))
    layer = publisher.layers[0]
    assert layer.counters.gaps > MOST_MISSING
    assert len(layer.missing) <= MOST_MISSING
    assert len(publisher._by_ssrc) <= MOST_SSRCS


def publisher_of(ward: Ward) -> Publisher:
    return next(one for one in ward.engine.peers.values() if isinstance(one, Publisher) and one.joined)


async def test_a_call_goes_on_through_all_of_it(chromium: Browser, ward: Ward, offer: str) -> None:
    chance = random.Random(11)
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        heard: list[tuple[bytes, tuple[str, int]]] = []
        port, receive = ward.engine.port, ward.engine.port.received

        def overheard(length: int, address: tuple[str, int]) -> None:
            heard.append((bytes(port.buffer[:length]), address))
            receive(length, address)

        port.received = overheard  # type: ignore[method-assign]
        await camera.publish()
        await bridge.watch()
        await bridge.frames(30)
        failures = next(peer.srtp for peer in ward.engine.peers.values() if peer.srtp is not None)
        await bridge.page.evaluate("forget('screen')")
        with _stranger(ward) as stranger:
            for turn in range(40):
                for data, address in chance.choices(heard, k=20):
                    stranger.send(data)
                    # The same again from the same address: a replay, which no other socket here could send.
                    port.buffer[: len(data)] = data
                    receive(len(data), address)
                    stranger.send(chance.randbytes(chance.randrange(1, 1_400)))
                if turn % 4 == 0:
                    await post(ward.whip(), ward.token(), offer[: chance.randrange(len(offer))])
                await asyncio.sleep(0.025)
        shown = await bridge.frames(60)
        assert failures.failures > 0, "replays were refused"
        assert bridge.unfrozen(shown)
        assert not ward.heard.of(Left)


class _Stranger:
    def __init__(self, ward: Ward) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(ward.engine.port.advertised)

    def send(self, data: bytes) -> None:
        self._socket.send(data)

    def recv(self, size: int) -> bytes:
        return self._socket.recv(size)

    def __enter__(self) -> _Stranger:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _stranger(ward: Ward) -> _Stranger:
    return _Stranger(ward)


def test_the_reading_of_extensions_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def profiles() -> Iterator[bytes]:
        yield b"\xbe\xde"
        yield b"\x10\x00"

    for profile in profiles():
        for filler in range(256):
            data = b"\x90\x60" + bytes(10) + profile + b"\x00\x04" + bytes([filler]) * 16
            assert rtp.read(data) is not None
