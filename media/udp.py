"""The one UDP port of a worker, shared by all of its peers.

Rules: a peer is found by the user name in an ICE check, and everything else by the address that it comes from; an
address belongs to a peer only after a check that the peer's password signed, so nobody is sent anything who did not
ask for it; what cannot be told apart is dropped without an answer, since an answer could be aimed at a third party;
all tables are bounded.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from struct import unpack_from
from typing import Any, cast

import aioice.ice
from aioice import stun
from aioice.candidate import candidate_foundation, candidate_priority

from media._aiortc import ffi

LARGEST_DATAGRAM = 2_048
DATAGRAMS_A_WAKE = 64
SOCKET_BUFFER = 8 * 1024 * 1024
ADDRESSES_OF_A_PEER = 8
LARGEST_STUN = 548
WAITING_DATAGRAMS = 64
ASKED_AGAIN_MS = 500.0
COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
USERNAME = 0x0006
SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32

Address = tuple[str, int]


class Mouth(aioice.ice.StunProtocol):
    """The end of one peer's ICE on the shared port: aioice's own protocol, with the port as its transport.

    `media` is called with the length of what lies in the port's buffer; `heard_ns` is when the peer last proved to be
    there.
    """

    def __init__(self, port: Port, receiver: aioice.Connection, media: Callable[[int, int], None]) -> None:
        super().__init__(receiver)
        self.port, self.media = port, media
        self.heard_ns = time.monotonic_ns()
        self.rtt_ms: float | None = None
        self.shortest_ms: float | None = None
        """The shortest time in which it answered anything, from its first check on."""
        self.user_name = ""
        self.addresses: dict[Address, None] = {}
        self.local_candidate = aioice.Candidate(
            foundation=candidate_foundation("host", "udp", port.advertised[0]),
            component=1,
            transport="udp",
            priority=candidate_priority(1, "host"),
            host=port.advertised[0],
            port=port.advertised[1],
            type="host",
        )
        self.transport = cast(asyncio.DatagramTransport, _Transport(self))

    def stun_received(self, data: bytes, address: Address) -> None:
        """A check or an answer to one; what is not signed with our password is passed over."""
        try:
            message = stun.parse_message(data)
        except (ValueError, KeyError, IndexError, UnicodeDecodeError):
            self.port.dropped["stun"] += 1
            return
        if message.message_class == stun.Class.REQUEST:
            if not self._signed(message):
                self.port.dropped["unsigned"] += 1
                return
            self.port.bind(address, self)
            self.heard_ns = time.monotonic_ns()
            self.receiver.request_received(message, address, self)
        elif message.transaction_id in self.transactions:
            self.heard_ns = time.monotonic_ns()
            self.transactions[message.transaction_id].response_received(message, address)

    def _signed(self, message: stun.Message) -> bool:
        wanted = ("USERNAME", "MESSAGE-INTEGRITY", "PRIORITY")
        if message.message_method != stun.Method.BINDING or any(name not in message.attributes for name in wanted):
            return False
        signed: bool = message.check_message_integrity(self.receiver.local_password.encode())
        return signed

    def dtls_received(self, data: bytes) -> None:
        # The handshake takes a few datagrams; whoever floods fills its own queue and nobody else's.
        if self.receiver._queue.qsize() < WAITING_DATAGRAMS:
            self.receiver.data_received(data, 1)
        else:
            self.port.dropped["flood"] += 1

    async def request(
        self,
        request: stun.Message,
        addr: Address,
        integrity_key: bytes | None = None,
        retransmissions: int | None = None,
    ) -> tuple[stun.Message, Address]:
        asked_ns = time.monotonic_ns()
        answer = await super().request(request, addr, integrity_key, retransmissions)
        took_ms = (time.monotonic_ns() - asked_ns) / 1e6
        self.shortest_ms = took_ms if self.shortest_ms is None else min(self.shortest_ms, took_ms)
        return answer

    async def check(self, address: Address) -> None:
        """Asks the peer whether it is still there (RFC 7675); the answer counts as heard.

        It is asked a second time after half a second, and may take a second and a half: over a satellite it does.
        """
        pair = aioice.ice.CandidatePair(self, self._remote(address))
        request = self.receiver.build_request(pair, nominate=False)
        key = (self.receiver.remote_password or "").encode()
        asked_ns = time.monotonic_ns()
        try:
            await self.request(request, address, integrity_key=key, retransmissions=1)
        except stun.TransactionError:
            return
        rtt_ms = (time.monotonic_ns() - asked_ns) / 1e6
        if rtt_ms > ASKED_AGAIN_MS and self.rtt_ms is not None and self.rtt_ms < ASKED_AGAIN_MS / 2:
            # On a short line that was the answer to the second question, and says nothing of the distance.
            return
        self.rtt_ms = rtt_ms if self.rtt_ms is None else 0.7 * self.rtt_ms + 0.3 * rtt_ms

    def _remote(self, address: Address) -> aioice.Candidate:
        return aioice.Candidate("0", 1, "udp", 1, address[0], address[1], "prflx")


class _Transport:
    """What aioice thinks is a socket of its own."""

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth

    def sendto(self, data: bytes, address: Address) -> None:
        self._mouth.port.send(data, address)

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._mouth.port.advertised if name == "sockname" else default

    def close(self) -> None:
        self._mouth.port.forget(self._mouth)
        self._mouth.connection_lost(None)


class Port:
    """The socket, and who is behind which name and address. `buffer` holds the datagram that is being looked at."""

    def __init__(self, host: str, port: int, advertised_host: str | None = None) -> None:
        self.socket = _open(host, port)
        bound = self.socket.getsockname()[:2]
        self.advertised: Address = (advertised_host or bound[0], bound[1])
        self.memory = ffi.new("char[]", LARGEST_DATAGRAM)
        self.buffer = ffi.buffer(self.memory)
        self.view = memoryview(self.buffer)
        self.dropped = dict.fromkeys(("stun", "unsigned", "unknown", "flood", "oversized", "full"), 0)
        self.after_wake: Callable[[], None] = lambda: None
        self._by_name: dict[str, Mouth] = {}
        self._by_address: dict[Address, Mouth] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self._readable)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self.socket.fileno())
            self._loop = None
        self.socket.close()

    @property
    def peers(self) -> int:
        return len(self._by_name)

    @property
    def addresses(self) -> int:
        return len(self._by_address)

    def expect(self, user_name: str, mouth: Mouth) -> None:
        """Checks that name this user belong to that peer."""
        if user_name in self._by_name:
            raise ValueError("this user name is taken")
        mouth.user_name = user_name
        self._by_name[user_name] = mouth

    def bind(self, address: Address, mouth: Mouth) -> None:
        """What comes from there is that peer's, since a check from there was signed with its password."""
        owner = self._by_address.get(address)
        if owner is mouth:
            return
        if owner is not None:
            owner.addresses.pop(address, None)
        if len(mouth.addresses) >= ADDRESSES_OF_A_PEER:
            oldest = next(iter(mouth.addresses))
            del mouth.addresses[oldest]
            self._by_address.pop(oldest, None)
        mouth.addresses[address] = None
        self._by_address[address] = mouth

    def forget(self, mouth: Mouth) -> None:
        if self._by_name.get(mouth.user_name) is mouth:
            del self._by_name[mouth.user_name]
        for address in mouth.addresses:
            if self._by_address.get(address) is mouth:
                del self._by_address[address]
        mouth.addresses.clear()

    def send(self, data: Any, address: Address) -> None:
        """Sends or drops; what matters is repaired by those who miss it."""
        try:
            self.socket.sendto(data, address)
        except (BlockingIOError, InterruptedError):
            self.dropped["full"] += 1
        except OSError:
            # The address cannot be reached from here; liveness will notice.
            self.dropped["full"] += 1

    def _readable(self) -> None:
        receive, buffer, handle = self.socket.recvfrom_into, self.buffer, self.received
        for _ in range(DATAGRAMS_A_WAKE):
            try:
                length, address = receive(buffer)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue
            handle(length, address)
        self.after_wake()

    def received(self, length: int, address: Address) -> None:
        """Hands on what lies in the buffer (RFC 7983 tells the protocols apart by the first byte)."""
        if length == 0:
            return
        if length >= LARGEST_DATAGRAM:
            self.dropped["oversized"] += 1
            return
        first = self.view[0]
        mouth = self._by_address.get(address)
        if first > 127:
            if mouth is None or first > 191:
                self.dropped["unknown"] += 1
            else:
                mouth.media(length, time.monotonic_ns())
        elif first < 4:
            self._stun(bytes(self.buffer[:length]), address, mouth)
        elif mouth is not None and 19 < first < 64:
            mouth.dtls_received(bytes(self.buffer[:length]))
        else:
            self.dropped["unknown"] += 1

    def _stun(self, data: bytes, address: Address, mouth: Mouth | None) -> None:
        if not 20 <= len(data) <= LARGEST_STUN or int.from_bytes(data[4:8]) != COOKIE:
            self.dropped["stun"] += 1
            return
        if int.from_bytes(data[:2]) == BINDING_REQUEST:
            mouth = self._by_name.get(_user_name(data))
        elif mouth is None:
            # An answer from an address whose own check has not come yet: one of ours asked, and knows its number.
            mouth = next((m for m in self._by_name.values() if data[8:20] in m.transactions), None)
        if mouth is None:
            self.dropped["unknown"] += 1
        else:
            mouth.stun_received(data, address)


def _user_name(data: bytes) -> str:
    """Our side's part of the USERNAME attribute; empty when there is none."""
    at = 20
    while at + 4 <= len(data):
        kind, length = unpack_from("!HH", data, at)
        if kind == USERNAME:
            return data[at + 4 : at + 4 + length].partition(b":")[0].decode("ascii", "replace")
        at += 4 + length + (-length & 3)
    return ""


def _open(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    for forced, usual in ((SO_RCVBUFFORCE, socket.SO_RCVBUF), (SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            made.setsockopt(socket.SOL_SOCKET, forced, SOCKET_BUFFER)
        except OSError:
            # Only an administrator may go beyond net.core.rmem_max; others get what that allows.
            made.setsockopt(socket.SOL_SOCKET, usual, SOCKET_BUFFER)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
