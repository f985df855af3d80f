"""How a visitor is spoken with: JSON, a line for each thing said, in by its input and out by its output.

Rules: an input that ends is a goodbye, so that a visitor never outlives whoever began it; a command that fails ends the
visitor with the reason as its last line; nothing else is written to the output.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import orjson

LONGEST_LINE = 1 << 20
FAILED = 1

Said = dict[str, Any]


def say(**said: Any) -> None:
    """One line; gone with the reader, there is nobody left to tell."""
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), orjson.dumps(said) + b"\n")


async def heard() -> AsyncIterator[Said]:
    """What is said to this process, until it hears no more."""
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    while line := await reader.readline():
        yield orjson.loads(line)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs the visitor; what goes wrong is its last line, and never a page of program lines."""

    async def visit() -> None:
        try:
            await main()
        except (httpx.HTTPError, OSError, ValueError, TimeoutError) as fault:
            say(failed=str(fault) or type(fault).__name__)
            raise SystemExit(FAILED) from None

    with suppress(KeyboardInterrupt):
        asyncio.run(visit())
