"""A bad line: datagrams to the worker and from it come late, or are lost, by chance that can be repeated."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from random import Random
from typing import Any

from media.engine import Engine

MEDIA = range(128, 192)


class _Lossy:
    """The worker's socket, which forgets some of what it is given to send."""

    def __init__(self, real: socket.socket, line: Line) -> None:
        self._real, self._line = real, line

    def sendto(self, data: Any, address: Any) -> int:
        if self._line.loses(data[0], self._line.outward):
            return len(data)
        if not self._line.delay_s:
            return self._real.sendto(data, address)
        asyncio.get_running_loop().call_later(self._line.delay_s, self._arrive, bytes(data), address)
        return len(data)

    def _arrive(self, data: bytes, address: Any) -> None:
        # Who has hung up meanwhile is not there any more, nor is the socket of a worker that has ended.
        with suppress(OSError):
            self._real.sendto(data, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Line:
    """`inward` and `outward` are the fractions that are lost. ICE and DTLS pass: they repair themselves. Everything
    takes `delay_ms` each way, in the order in which it was sent."""

    def __init__(
        self, engine: Engine, inward: float = 0.0, outward: float = 0.0, seed: int = 7, delay_ms: float = 0.0
    ) -> None:
        self.inward, self.outward, self.delay_s = inward, outward, delay_ms / 1000
        self.lost = self.passed = 0
        self.cut = False
        self._chance = Random(seed)
        port = engine.port
        # A burst in one system call would be lost whole, which no line does.
        engine.egress.segmentation = False
        receive = port.received

        def received(length: int, address: Any) -> None:
            if self.cut or self.loses(port.view[0], self.inward):
                return
            if not self.delay_s:
                receive(length, address)
                return
            asyncio.get_running_loop().call_later(self.delay_s, arrived, bytes(port.buffer[:length]), address)

        def arrived(data: bytes, address: Any) -> None:
            port.buffer[: len(data)] = data
            receive(len(data), address)
            port.after_wake()

        port.received = received  # type: ignore[method-assign]
        port.socket = _Lossy(port.socket, self)  # type: ignore[assignment]

    def loses(self, first: int, fraction: float) -> bool:
        if self.cut:
            return True
        lost = first in MEDIA and self._chance.random() < fraction
        self.lost += lost
        self.passed += not lost
        return lost
