"""Visitors of one machine: `python -m media.visitors READ WRITE [READ WRITE …]`, two pipes for each of them.

Rules: each visitor is a process of its own, made by a fork before anything runs, so that the libraries are loaded once
and not once for each; it closes what belongs to the others, so that each hears its own end; the first line that is said
to it makes it what it is: `{"be": "point"}` or `{"be": "audience"}`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import httpx

from media.visitors import audience, point
from media.visitors.connection import on_this_machine
from media.visitors.lines import Lines

KINDS: dict[str, Callable[[Lines], Awaitable[None]]] = {"point": point.main, "audience": audience.main}
FAULTS = (httpx.HTTPError, OSError, ValueError, TimeoutError)
FAILED = 1


def main(pipes: Sequence[int]) -> None:
    pairs = list(zip(pipes[::2], pipes[1::2], strict=True))
    for pair in pairs:
        if os.fork() == 0:
            for other in {pipe for pipes_ in pairs for pipe in pipes_}.difference(pair):
                os.close(other)
            # Neither the end of the others nor that of the parent is waited for.
            os._exit(_live(Lines(*pair)))
    for pipe in pipes:
        os.close(pipe)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _live(lines: Lines) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(_be(lines))
    except FAULTS as fault:
        return _failed(lines, fault)
    except ExceptionGroup as several:
        first = several.exceptions[0]
        if not isinstance(first, FAULTS):
            raise
        return _failed(lines, first)
    return 0


def _failed(lines: Lines, fault: Exception) -> int:
    lines.say(failed=str(fault) or type(fault).__name__)
    return FAILED


async def _be(lines: Lines) -> None:
    on_this_machine()
    lines.say(pid=os.getpid())
    first = await lines.next()
    if first is not None:
        await KINDS[first["be"]](lines)


if __name__ == "__main__":
    main([int(pipe) for pipe in sys.argv[1:]])
