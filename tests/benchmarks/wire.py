"""HTTP and WebSocket clients that cost less than the server they measure: no library between them and the socket.

They speak what the server is known to answer with (content-length, unmasked frames, no extensions) and nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

TEXT, CLOSE = 0x1, 0x8
Frame = Callable[[bytes], None]


class HttpLine:
    """One connection that is kept: a request goes when the one before is answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer = reader, writer
        self._head = (
            "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"authorization: {token}\r\ncontent-length: "
        ).encode()

    @classmethod
    async def to(cls, address: tuple[str, int], token: str) -> HttpLine:
        return cls(*await asyncio.open_connection(*address), token)

    async def ask(self, query: str, variables: Mapping[str, Any]) -> bytes:
        """The body of the answer."""
        body = orjson.dumps({"query": query, "variables": variables})
        self._writer.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        begin = head.index(b"content-length: ") + 16
        length = int(head[begin : head.index(b"\r\n", begin)])
        answer = await self._reader.readexactly(length)
        if not head.startswith(b"http/1.1 200"):
            raise AssertionError(f"{head[:60]!r} {answer[:300]!r}")
        return answer

    def close(self) -> None:
        self._writer.close()


class Viewer(asyncio.Protocol):
    """One WebSocket with one subscription; `seen` is called with the text of every message."""

    def __init__(self, seen: Frame) -> None:
        self._seen = seen
        self._received = bytearray()
        self._upgraded = False
        self.transport: asyncio.Transport | None = None
        self.acknowledged = asyncio.Event()
        self.closed: str | None = None

    @classmethod
    async def of(
        cls, address: tuple[str, int], token: str, query: str, variables: Mapping[str, Any], seen: Frame
    ) -> Viewer:
        _, viewer = await asyncio.get_running_loop().create_connection(lambda: cls(seen), *address)
        assert viewer.transport is not None
        key = base64.b64encode(os.urandom(16)).decode()
        viewer.transport.write(
            "GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            f"sec-websocket-key: {key}\r\nsec-websocket-version: 13\r\n"
            f"sec-websocket-protocol: graphql-transport-ws\r\nauthorization: {token}\r\n\r\n".encode()
        )
        async with asyncio.timeout(20):
            await viewer.acknowledged.wait()
        if viewer.closed is not None:
            raise ConnectionError(viewer.closed)
        viewer._say({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}})
        return viewer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own kind is no subclass of asyncio's.

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = self.closed or f"lost {exc or ''}"
        self.acknowledged.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._upgraded:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._received.startswith(b"HTTP/1.1 101"):
                raise AssertionError(bytes(self._received[:300]))
            self._upgraded = True
            del self._received[: end + 4]
            self._say({"type": "connection_init"})
        while (size := self._frame()) is not None:
            del self._received[:size]

    def _frame(self) -> int | None:
        """Take in the first frame if it is whole; the bytes it has."""
        got = self._received
        if len(got) < 2:
            return None
        length, at = got[1], 2
        if length == 126 and len(got) >= 4:
            (length,), at = struct.unpack_from(">H", got, 2), 4
        elif length == 127 and len(got) >= 10:
            (length,), at = struct.unpack_from(">Q", got, 2), 10
        if (got[1] > 125 and at == 2) or len(got) < at + length:
            return None
        payload = bytes(got[at : at + length])
        if got[0] & 0xF == TEXT:
            self._told(payload)
        elif got[0] & 0xF == CLOSE:
            self.closed = payload[2:].decode()
        return at + length

    def _told(self, text: bytes) -> None:
        if not self.acknowledged.is_set():
            assert b"connection_ack" in text, text
            self.acknowledged.set()
        else:
            self._seen(text)

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self.transport is not None
        text, mask = orjson.dumps(message), os.urandom(4)
        size = struct.pack(">BH", 0xFE, len(text)) if len(text) > 125 else bytes([0x80 | len(text)])
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(text))
        self.transport.write(b"\x81" + size + mask + masked)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()
