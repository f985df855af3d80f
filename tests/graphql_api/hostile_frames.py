"""WebSocket frames as nobody in his senses sends them, by chance; the same dice make the same frames."""

from __future__ import annotations

import json
import random
from typing import Any

from graphql_api.websocket import PROTOCOL

HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n"
)


def frame(dice: random.Random, opcode: int, payload: bytes, *, masked: bool = True, first: int = 0x80) -> bytes:
    """A frame of RFC 6455, or what is left of one."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 2**16 else b"\x7f" + size.to_bytes(8)
    if not masked:
        return bytes([first | opcode]) + length + payload
    mask = dice.randbytes(4)
    hidden = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    return bytes([first | opcode, length[0] | 0x80]) + length[1:] + mask + hidden


def hostile_frames(dice: random.Random, token: str) -> list[bytes]:
    """What one connection sends. Half of them say who they are first, and so come further."""
    messages: list[Any] = [
        {"type": "subscribe", "id": "1", "payload": {"query": "subscription { events { position } }"}},
        {"type": "subscribe", "id": "\x00" * 60_000, "payload": {}},
        {"type": "subscribe", "id": "2", "payload": None}, {"type": "subscribe"}, {"type": []}, {"type": None}, [], 1,
        {"type": "complete", "id": {"a": 1}}, {"type": "complete", "id": "1"}, {"type": "next"},
        {"type": "connection_init"},
        {"type": "subscribe", "id": "3", "payload": {"query": '{ facilities(text: "\\u0000") { nodes { nameVi } } }'}},
        {"type": "subscribe", "id": "4", "payload": {"query": "{ a" * 500}}, {"type": "ping", "payload": "x" * 60_000},
    ]  # fmt: skip
    raw = [
        frame(dice, 1, b"\xff\xfe"), frame(dice, 2, b"\x00" * 1_000), frame(dice, 9, b"x" * 125),
        frame(dice, 9, b"x" * 126),
        frame(dice, 8, b""), frame(dice, 8, b"\x00"), frame(dice, 8, b"\xff\xff"), frame(dice, 1, b"{}", masked=False),
        frame(dice, 1, b"[" * 60_000), frame(dice, 1, b"x" * 300_000), frame(dice, 3, b"x"), frame(dice, 0, b"x"),
        frame(dice, 1, b"{", first=0x00), frame(dice, 1, b"{}", first=0xF0),
        b"\x81\xff" + b"\xff" * 8, dice.randbytes(200),
    ]  # fmt: skip
    said = [frame(dice, 1, json.dumps(one).encode()) for one in messages]
    hello = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
    greeting = [frame(dice, 1, json.dumps(hello).encode())] if dice.random() < 0.5 else []
    return [*greeting, *(dice.choice([*raw, *said, *said]) for _ in range(dice.randint(1, 6)))]
