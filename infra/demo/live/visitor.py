"""The visitors of the room: processes that are begun together, spoken with in lines of JSON, ended or cut off.

Rules: they hear the end of this process, however it ends, and end too; they are given grants and nothing else of the
deployment; one that ends before it was told to ends the day, with its reason.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import orjson

from infra.demo.day import NotAsItMustBe
from infra.local.kinship import Kin, tethered
from infra.settings import Settings, child_environment

MODULE = "media.visitors"
ANSWERS_WITHIN_S = 90.0
LONGEST_LINE = 1 << 20

Heard = Callable[[Any], None]


class Visitor:
    """One process; what it is called and who listens to it comes with its part.

    `counted` gets what it tells every second, `lost` what it says when it needs a new way into the room.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.WriteTransport) -> None:
        self.name = "a visitor"
        self.counted: Heard = lambda told: None
        self.lost: Heard = lambda told: None
        self._writer = writer
        self._kin: asyncio.Future[Kin | None] = asyncio.get_running_loop().create_future()
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._over: str | None = None
        self._reading = asyncio.create_task(self._read(reader))

    def be(self, part: str, name: str, counted: Heard) -> Visitor:
        """Takes a part in the room."""
        self.name, self.counted = name, counted
        self.say(be=part)
        return self

    async def ask(self, **said: Any) -> Any:
        """Says one thing, and waits for what comes of it."""
        (what,) = said
        if self._over is not None:
            raise NotAsItMustBe(self._over)
        answer = self._answers[what] = asyncio.get_running_loop().create_future()
        self.say(**said)
        try:
            return await asyncio.wait_for(answer, ANSWERS_WITHIN_S)
        except TimeoutError:
            raise NotAsItMustBe(f"{self.name} did not answer {what} within {ANSWERS_WITHIN_S:g} s") from None

    async def cut(self) -> None:
        """As when the power fails: without a word to anybody."""
        if (kin := await self._kin) is not None:
            kin.signal(signal.SIGKILL)
        await self._reading
        self._writer.close()

    def say(self, **said: Any) -> None:
        """Says something to which there is no answer."""
        if self._over is None:
            self._writer.write(orjson.dumps(said) + b"\n")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = f"{self.name} ended"
        while line := await reader.readline():
            ((what, told),) = orjson.loads(line).items()
            if what == "pid":
                self._kin.set_result(Kin.of(told))
            elif what == "counted":
                self.counted(told)
            elif what == "lost":
                self.lost(told)
            elif what == "failed":
                reason = f"{self.name}: {told}"
            elif (answer := self._answers.get(what)) is not None and not answer.done():
                answer.set_result(told)
        self._over = reason
        if not self._kin.done():
            self._kin.set_result(None)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(NotAsItMustBe(reason))


class Visitors:
    """A family of them, of which each takes its part when it is needed."""

    def __init__(self, process: asyncio.subprocess.Process, all_: Sequence[Visitor]) -> None:
        self._process, self._all, self._free = process, all_, list(all_)

    def take(self, part: str, name: str, counted: Heard) -> Visitor:
        return self._free.pop().be(part, name, counted)

    async def close(self) -> None:
        """Ends every one of them, at once."""
        await asyncio.gather(*(visitor.cut() for visitor in self._all))
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


async def visitors(settings: Settings, count: int) -> Visitors:
    """So many visitors that wait for a part. What goes wrong in them is in `visitors.log` of the data folder."""
    log = settings.data / "log" / "visitors.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    there, ours = [], []
    for _ in range(count):
        (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
        there += [in_read, out_write]
        ours.append((out_read, in_write))
    try:
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *tethered([sys.executable, "-m", MODULE, *map(str, there)], orphan_signal=signal.SIGKILL),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=child_environment(Settings(data=settings.data)),
                pass_fds=there,
            )
    finally:
        for pipe in there:
            os.close(pipe)
    return Visitors(process, [await _spoken_with(*pipes) for pipes in ours])


async def _spoken_with(read: int, write: int) -> Visitor:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", buffering=0))
    writer, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(write, "wb", buffering=0))
    return Visitor(reader, writer)
