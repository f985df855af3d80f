"""A bad line: datagrams are lost on their way to the worker and from it, by chance that can be repeated."""

from __future__ import annotations

import socket
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
        return self._real.sendto(data, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Line:
    """`inward` and `outward` are the fractions that are lost. ICE and DTLS pass: they repair themselves."""

    def __init__(self, engine: Engine, inward: float = 0.0, outward: float = 0.0, seed: int = 7) -> None:
        self.inward, self.outward = inward, outward
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
            receive(length, address)

        port.received = received  # type: ignore[method-assign]
        port.socket = _Lossy(port.socket, self)  # type: ignore[assignment]

    def loses(self, first: int, fraction: float) -> bool:
        if self.cut:
            return True
        lost = first in MEDIA and self._chance.random() < fraction
        self.lost += lost
        self.passed += not lost
        return lost
