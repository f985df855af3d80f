"""One connection of one participant: from the offer to the goodbye.

Rules: a peer is connected within fifteen seconds or closed; one of whom nothing authentic was heard, though it was
asked again and again, is lost within two seconds, however politely its sockets behave, unless it was the worker that
slept; keys are taken from the handshake and packets before that are dropped; what does not decrypt or does not parse
is counted and passed over; closing is done once, whoever asks for it first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiortc import RTCSessionDescription
from aiortc.rtp import RtcpPacket

from domain._live import Rung
from infra.media_tokens import Grant
from media._aiortc import Connection
from media.negotiation import Line, OfferRefused, without_candidates
from media.rtp import RTCP_TYPES
from media.srtp import Srtp
from media.tracks import Ended
from media.udp import Address, Mouth
from media.way import MOST_NAMED, relayed_candidates

if TYPE_CHECKING:
    from media.engine import Engine
    from media.room import Room

CONNECT_WITHIN_NS = 15_000_000_000
# It is looked every 250 ms, so that a dead line is noticed after 1.7 to 1.95 s, and five checks without an answer.
QUIET_NS = 500_000_000
LOST_NS = 1_700_000_000
CHECK_EVERY_NS = 200_000_000
ASLEEP_MS = 500.0


class Peer:
    """What publishers and viewers have in common."""

    def __init__(self, engine: Engine, room: Room, grant: Grant) -> None:
        self.engine, self.room, self.grant = engine, room, grant
        self.id = uuid4()
        room.members.add(self)
        engine.peers[self.id] = self
        self.connection = Connection(engine.certificate)
        self.connection.peer = self
        self.connection.on("connectionstatechange", self._state_changed)
        self.connection.on("datachannel", lambda channel: room.channels.opened(self, channel))
        self.mouth: Mouth | None = None
        self.srtp: Srtp | None = None
        self.ssrc = int(self.id) & 0xFFFFFFFF
        self.joined = self.closed = False
        self.tag = ""
        self.relayed: set[Address] = set()
        """Where this participant says that it is reached by a relay."""
        self.began_ns = self._checked_ns = time.monotonic_ns()
        self._checks: set[asyncio.Task[None]] = set()

    async def _describe(self, offer: str, edit: Callable[[str, Sequence[Line]], str], lines: Sequence[Line]) -> str:
        """Answers an offer whose lines were checked, on the worker's port."""
        self.named(offer)
        try:
            await self.connection.setRemoteDescription(RTCSessionDescription(without_candidates(offer), "offer"))
            self._listen()
            self.connection.be_dtls_server()
            await self.connection.setLocalDescription(await self.connection.createAnswer())
        except OfferRefused:
            raise
        except Exception as fault:
            # Whatever aiortc does not like about a stranger's text, it is the text.
            await self.close(Ended.CLOSED)
            raise OfferRefused("SDP_UNACCEPTABLE", "the offer cannot be answered", 422) from fault
        return edit(self.connection.localDescription.sdp, lines)

    def named(self, text: str) -> None:
        """What the participant tells of its candidates; nobody is sent anything on the word of it."""
        if len(self.relayed) < MOST_NAMED:
            self.relayed |= relayed_candidates(text)

    def _listen(self) -> None:
        self.mouth = Mouth(self.engine.port, self.connection.ice, self.received)
        name = self.connection.use(self.mouth)
        self.engine.port.expect(name, self.mouth)
        self.tag = f'"{name}"'
        self.began_ns = time.monotonic_ns()

    def lost(self) -> None:
        """The other side ended DTLS."""
        self.engine.end(self, Ended.LEFT)

    def _state_changed(self) -> None:
        state = self.connection.connectionState
        if state == "connected":
            self._connected()
        elif state in ("closed", "failed"):
            self.engine.end(self, Ended.LEFT if self.joined else Ended.LOST)

    def _connected(self) -> None:
        keys = self.connection.keys()
        if keys is None or self.joined or self.closed:
            return
        self.srtp = Srtp(keys)
        self.joined = True
        if self.mouth is not None:
            self.mouth.heard_ns = time.monotonic_ns()
        self.room.connected(self)
        self.connected()

    def connected(self) -> None:
        """The connection stands."""

    def received(self, length: int, now_ns: int) -> None:
        """What lies in the port's buffer is SRTP or SRTCP of this peer, or pretends to be."""
        if self.srtp is None:
            return
        port = self.engine.port
        if port.view[1] in RTCP_TYPES:
            length = self.srtp.decrypt_control(port.memory, length)
            if length and self.mouth is not None:
                self.mouth.heard_ns = now_ns
                self._control(bytes(port.buffer[:length]), now_ns)
            return
        length = self.srtp.decrypt(port.memory, length)
        if length and self.mouth is not None:
            self.mouth.heard_ns = now_ns
            self.packet(bytes(port.buffer[:length]), now_ns)

    def _control(self, data: bytes, now_ns: int) -> None:
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, IndexError, StructError):
            self.engine.malformed += 1
            return
        for packet in packets:
            self.control(packet, now_ns)

    def packet(self, data: bytes, now_ns: int) -> None:
        """One RTP packet."""

    def control(self, packet: Any, now_ns: int) -> None:
        """One RTCP packet."""

    def send_control(self, packet: bytes) -> None:
        if packet and self.srtp is not None and (address := self.connection.remote_address) is not None:
            self.engine.port.send(self.srtp.encrypt_control(packet), address)

    def look(self, now_ns: int) -> None:
        """Four times a second: is anybody there?"""
        if self.closed or self.mouth is None:
            return
        if not self.joined:
            if now_ns - self.began_ns > CONNECT_WITHIN_NS:
                self.engine.end(self, Ended.LOST)
            return
        quiet_ns = now_ns - self.mouth.heard_ns
        if quiet_ns > LOST_NS and self.engine.lag_ms < ASLEEP_MS:
            # A worker that stood still itself has to listen before it says of others that they are silent.
            self.engine.end(self, Ended.LOST)
        elif quiet_ns > QUIET_NS and now_ns - self._checked_ns >= CHECK_EVERY_NS:
            self.check()

    def check(self) -> None:
        """Asks the other side for a sign of life, which also tells how far it is."""
        if self.mouth is not None and (address := self.connection.remote_address) is not None:
            self._checked_ns = time.monotonic_ns()
            self._start(self.mouth.check(address))

    def hold_to(self, rung: Rung) -> None:
        """The participant's line came to this rung of the ladder: send and ask for what that allows."""

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def close(self, reason: Ended) -> None:
        """Takes the peer out of its room at once, and its connection down after that."""
        if self.closed:
            return
        self.closed = True
        self.ended(reason)
        self.room.gone(self, reason)
        self.engine.peers.pop(self.id, None)
        for check in tuple(self._checks):
            check.cancel()
        if self.mouth is not None:
            self.engine.port.forget(self.mouth)
        await self.connection.close()

    def ended(self, reason: Ended) -> None:
        """Nothing comes after this."""
