"""How a visitor is spoken with: JSON, a line for each thing said, in by one pipe and out by another.

Rules: an input that ends is a goodbye, so that a visitor never outlives whoever began it; a command that fails ends the
visitor with the reason as its last line; nothing else is written to the output.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import orjson

LONGEST_LINE = 1 << 20

Said = dict[str, Any]


class Lines:
    """The two pipes of one visitor."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._reader: asyncio.StreamReader | None = None

    def say(self, **said: Any) -> None:
        """One line; gone with the reader, there is nobody left to tell."""
        with suppress(BrokenPipeError):
            os.write(self._write, orjson.dumps(said) + b"\n")

    async def answer(self, what: str, work: Awaitable[Any]) -> None:
        """Says what comes of this work."""
        self.say(**{what: await work})

    async def next(self) -> Said | None:
        """What is said next; None when nothing more will be said."""
        if self._reader is None:
            self._reader = reader = asyncio.StreamReader(limit=LONGEST_LINE)
            pipe = os.fdopen(self._read, "rb", buffering=0)
            await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        line = await self._reader.readline()
        said: Said | None = orjson.loads(line) if line else None
        return said
