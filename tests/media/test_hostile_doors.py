"""The doors of a room beside its media: its socket, the pipes between workers, and the way to another worker.

Whatever comes in there, it is answered with a code or cut off, little of it is remembered, and the others go on.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from infra.media_tokens import MediaRole, Source
from media.admission import Admission
from media.framed import LARGEST_BODY, Outbox, described, listening, message
from media.inflow import MOST_TRACKS
from media.pipe import CLOCK, LARGEST_SAYING, LONGEST_PAYLOAD, PACKET, Announced, Tells, announced, hello
from media.placing import pipe_path
from media.room import Room
from media.session_door import LARGEST_MESSAGE, MESSAGES_AT_ONCE, MOST_UNKNOWN
from media.signalling import LARGEST_HEADER
from media.tracks import Kind, TrackDescription
from tests.media.pair import Pair, pair
from tests.media.test_session_door import answer, socket
from tests.media.test_session_door import hello as greeting
from tests.media.ward import Ward
from tests.media.ward import ward as made

TELEMETRY = json.dumps({"type": "telemetry", "source": "camera", "availableKbit": 900, "limitedBy": "none"})


@pytest.fixture
def folder() -> Iterator[Path]:
    # A socket's name may not be long, and those of pytest's folders are.
    with tempfile.TemporaryDirectory(prefix="pair-") as name:
        yield Path(name)


@pytest.fixture
async def two(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    # Rooms stay, though nobody is in them.
    monkeypatch.setattr("media.room.KEPT_NS", 3_600_000_000_000)
    async with pair(folder) as both:
        yield both


def kept(ward: Ward) -> Room:
    room = ward.engine.room(ward.session_id)
    room.awaits()
    return room


async def refused(opened: ClientConnection, *messages: str | bytes) -> tuple[str, int]:
    """Says all of that, as far as it is listened to; the code and the close code with which it is refused."""
    async with asyncio.timeout(60):
        with suppress(ConnectionClosed):
            for message in messages:
                await opened.send(message)
        return await answer(opened)


# The socket of a room ----------------------------------------------------------------------------------------


async def test_who_floods_its_room_with_messages_is_cut_off_and_the_others_stay(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.session_door.MESSAGES_A_SECOND", 0.001)
    async with socket(ward) as calm, socket(ward) as wild:
        await calm.send(greeting(ward, role=MediaRole.VIEWER))
        await ward.until(lambda: len(ward.engine.peers) == 1)
        flood = [TELEMETRY] * (int(MESSAGES_AT_ONCE) + 1)
        assert await refused(wild, greeting(ward, role=MediaRole.VIEWER), *flood) == ("TOO_FAST", 4429)
        await ward.until(lambda: len(ward.engine.peers) == 1)
        await calm.send(TELEMETRY)
        assert json.loads(await calm.recv())["type"] in ("lines", "rung")


@pytest.mark.parametrize("first", [True, False], ids=["instead of hello", "after it"])
async def test_a_message_larger_than_any_is_not_even_read(ward: Ward, *, first: bool) -> None:
    async with socket(ward) as opened:
        if not first:
            await opened.send(greeting(ward, role=MediaRole.VIEWER))
            await ward.until(lambda: bool(ward.engine.peers))
        with suppress(ConnectionClosed):
            await opened.send("x" * (2 * LARGEST_MESSAGE))
        await opened.wait_closed()
        assert opened.close_code in (1009, 1006), "too large, or hung up on while it was still being sent"
    await ward.until(lambda: not ward.engine.peers)


async def test_what_is_no_text_is_malformed(ward: Ward) -> None:
    async with socket(ward) as opened:
        assert await refused(opened, greeting(ward, role=MediaRole.VIEWER), b"\x00\xff") == ("MESSAGE_MALFORMED", 4400)


async def test_only_so_many_who_have_not_said_who_they_are_are_listened_to(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_UNKNOWN < 1_000
    monkeypatch.setattr("media.session_door.MOST_UNKNOWN", 2)
    monkeypatch.setattr("media.session_door.HELLO_WITHIN_S", 60)
    async with socket(ward) as one, socket(ward):
        async with socket(ward) as third:
            assert await refused(third) == ("TOO_MANY_JOIN", 4429)
        await one.send(greeting(ward, role=MediaRole.VIEWER))
        await ward.until(lambda: len(ward.engine.peers) == 1)
        async with socket(ward) as later:
            await later.send(greeting(ward, role=MediaRole.VIEWER))
            await ward.until(lambda: len(ward.engine.peers) == 2)


async def test_a_worker_that_is_full_says_so_on_a_socket_as_well(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.session_door.MOST_PEERS", 1)
    async with socket(ward) as one:
        await one.send(greeting(ward, role=MediaRole.VIEWER))
        await ward.until(lambda: len(ward.engine.peers) == 1)
        async with socket(ward) as other:
            assert await refused(other, greeting(ward, role=MediaRole.VIEWER)) == ("WORKER_FULL", 4429)


async def test_a_crowd_before_the_socket_is_told_to_come_again() -> None:
    async with made(Admission(rate=0.01, waiting=0)) as ward, socket(ward) as first:
        await first.send(greeting(ward, role=MediaRole.VIEWER))
        await ward.until(lambda: len(ward.engine.peers) == 1)
        async with socket(ward) as second:
            assert await refused(second, greeting(ward, role=MediaRole.VIEWER)) == ("TOO_MANY_JOIN", 4429)


# The pipe between workers ------------------------------------------------------------------------------------


def picture(session_id: UUID, **changed: object) -> TrackDescription:
    one = TrackDescription(
        track_id=uuid4(),
        session_id=session_id,
        point_id=uuid4(),
        participant_id=uuid4(),
        kind=Kind.VIDEO,
        source=Source.CAMERA,
        codec="VP8",
        clock_rate=90_000,
        payload_type=96,
        fmtp={},
        channels=1,
    )
    return replace(one, **changed)  # type: ignore[arg-type]


def told(session_id: UUID, number: int = 1, **changed: object) -> bytes:
    return announced(number, Announced(picture(session_id, **changed), (), frozenset(), 1))


def layer(number: int, at: int, rid: bytes) -> bytes:
    return message(Tells.LAYER, number, bytes([at]), rid)


def packet(number: int, payload: bytes) -> bytes:
    return message(Tells.PACKET, number, PACKET.pack(0, 0, 7, 9, 1), payload)


def broken_origins(session_id: UUID) -> Sequence[bytes]:
    """What no origin says: each is the end of the pipe."""
    good = told(session_id) + layer(1, 0, b"h")
    nested = b"[" * 60_000
    return [
        b"\xff" * 7,
        b"GET / HTTP/1.1\r\n\r\n",
        message(99, 0),
        message(Tells.TRACK, 1, b"{}"),
        message(Tells.TRACK, 1, nested),
        message(Tells.TRACK, 1, described(picture(session_id)).replace(b"90000", b"1e999")),
        told(uuid4()),
        told(session_id, codec="AV1"),
        told(session_id, clock_rate=0),
        told(session_id, payload_type=300),
        told(session_id) + told(session_id),
        b"".join(told(session_id, number) for number in range(MOST_TRACKS + 1)),
        layer(1, 0, b"h"),
        good + layer(1, 1, b"h"),
        good + b"".join(layer(1, at, b"r%d" % at) for at in range(1, 5)),
        good + layer(1, 1, b"\xff"),
        good + layer(1, 1, b"x" * 17),
        packet(1, b"x"),
        good + message(Tells.PACKET, 1, b"short"),
        good + packet(1, bytes(LONGEST_PAYLOAD + 1)),
        message(Tells.CLOCK, 1, bytes(CLOCK.size - 1)),
        message(Tells.LEVEL, 1, b"loud"[:3]),
        message(Tells.SPEAKER, 0, b"me"),
        good + message(Tells.ENDED, 1, b"\xff because"),
        message(Tells.SAID, 0, b'{"type": "dance"}'),
        message(Tells.SAID, 0, bytes(LARGEST_SAYING + 1)),
        (LARGEST_BODY + 1).to_bytes(4) + b"\x03\x00\x01",
    ]


class Impostor(asyncio.Protocol):
    """An origin that answers a greeting with what it was given, and counts the edges that hung up."""

    def __init__(self, says: bytes, hung_up: list[bytes]) -> None:
        self._says, self._hung_up = says, hung_up
        self._box = Outbox()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._says)

    def connection_lost(self, exc: Exception | None) -> None:
        self._hung_up.append(self._says)


async def test_an_edge_leaves_an_origin_that_breaks_the_form_and_finds_the_right_one(
    two: Pair, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.inflow.LOOK_AGAIN_S", 0.005)
    session_id, room, origin = two.edge.session_id, kept(two.edge), kept(two.origin)
    said = [*broken_origins(session_id), *noise(random.Random(5), 10)]
    hung_up: list[bytes] = []
    for number, one in enumerate(said):
        path = folder / f"impostor-{number}.sock"
        server = await listening(lambda one=one: Impostor(one, hung_up), path)  # type: ignore[misc]
        two.town.origins[session_id] = replace(two.town.runs[0], run_id=uuid4(), pipe=f"here:{path}")
        room.becomes_edge()
        await two.edge.until(lambda one=one: one in hung_up)  # type: ignore[misc]
        server.close()
    await two.edge.until(lambda: not room.tracks)
    two.town.origins[session_id] = two.town.runs[0]
    await two.edge.until(lambda: bool(origin.outflows))


def noise(chance: random.Random, count: int) -> list[bytes]:
    """Well framed messages of any kind and content, ended by one that nobody understands."""
    kinds = [kind.value for kind in Tells]
    return [
        b"".join(
            message(chance.choice(kinds), chance.randrange(4), chance.randbytes(chance.randrange(0, 40)))
            for _ in range(chance.randrange(1, 9))
        )
        + message(200, 0, chance.randbytes(4))
        for _ in range(count)
    ]


async def test_an_origin_cuts_off_what_is_no_edge_and_feeds_the_others(two: Pair) -> None:
    session_id, edge, origin = two.origin.session_id, kept(two.edge), kept(two.origin)
    edge.becomes_edge()
    await two.origin.until(lambda: len(origin.outflows) == 1)
    greeted = hello(session_id)
    broken = [
        b"\xff" * 64,
        message(Tells.KEY, 1, b"\x00"),
        message(Tells.HELLO, 0, b"\x01short"),
        message(Tells.HELLO, 0, b"\x02" + session_id.bytes),
        greeted + greeted,
        greeted + message(Tells.KEY, 1, b"\x00\x00"),
        greeted + message(Tells.PACKET, 1, bytes(40)),
        greeted + message(Tells.SAID, 0, b'{"type": "dance"}'),
        greeted + message(Tells.SAID, 0, bytes(LARGEST_SAYING + 1)),
        *(greeted + one for one in noise(random.Random(8), 10)),
    ]
    path = pipe_path(two.town.runs[0])
    for one in broken:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(one)
        async with asyncio.timeout(60):
            # An edge that is cut off sees the end; a reset is one too.
            with suppress(ConnectionError):
                while await reader.read(65_536):
                    pass
        writer.close()
    await two.origin.until(lambda: len(origin.outflows) == 1)
    assert edge.inflow is not None
    assert edge.inflow.connected, "who keeps to the form noticed nothing of it"


# The way to another worker -----------------------------------------------------------------------------------


async def raw(ward: Ward, path: str, *headers: str) -> tuple[str, str]:
    """Asks as no library would; the first line and the rest of what is answered."""
    host, port = ward.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Connection: close", "Content-Length: 3", *headers]
    with suppress(ConnectionError):
        writer.write("\r\n".join([*lines, "", "v=0"]).encode())
        await writer.drain()
    said = b""
    async with asyncio.timeout(60):
        with suppress(ConnectionError):
            said = await reader.read()
    writer.close()
    first, _, rest = said.decode().partition("\r\n")
    return first, rest


def of(ward: Ward, role: MediaRole = MediaRole.VIEWER) -> tuple[str, str]:
    return "Content-Type: application/sdp", f"Authorization: Bearer {ward.token(role)}"


@pytest.mark.parametrize("point", ["%0d%0aX-Evil:%201", "%00", "x" * 3_000, "%ff%fe"])
async def test_an_address_that_is_none_leads_nowhere_and_into_no_header(two: Pair, point: str) -> None:
    two.town.strict = True
    first, rest = await raw(two.edge, f"/whep/{two.edge.session_id}/{point}/camera", *of(two.edge))
    assert " 404 " in first
    assert "Evil" not in rest


async def test_what_is_written_oddly_is_not_handed_on_as_it_was_written(two: Pair) -> None:
    two.town.strict = True
    odd = f"%7B{two.edge.session_id}%7D"
    first, rest = await raw(two.edge, f"/whip/{odd}/camera", *of(two.edge, MediaRole.PUBLISHER))
    assert " 307 " in first
    assert f"{two.origin.url}/whip/{odd}/camera" in rest
    assert "{" not in rest.partition("\r\n\r\n")[0], "no header has it"


async def test_headers_without_an_end_are_not_collected(two: Pair) -> None:
    endless = f"X-Long: {'x' * (256 * LARGEST_HEADER)}"
    first, _ = await raw(two.edge, f"/whip/{two.edge.session_id}/camera", endless)
    assert first == "" or " 400 " in first or " 431 " in first
    assert not two.edge.engine.rooms
