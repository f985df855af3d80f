"""A visitor of the room as a process of its own: begun, spoken with in lines of JSON, ended or cut off.

Rules: it dies with this process, whatever becomes of it; it is given its grant and nothing else of the deployment; one
that ends before it was told to ends the day, with its reason.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from infra.demo.day import NotAsItMustBe
from infra.local.kinship import tethered
from infra.settings import Settings, child_environment

ANSWERS_WITHIN_S = 60.0
LONGEST_LINE = 1 << 20


class Visitor:
    """`counted` is called with what it tells every second."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, counted: Callable[[Any], None]) -> None:
        self.name = name
        self._process, self._counted = process, counted
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._over: str | None = None
        self._reading = asyncio.create_task(self._read())

    async def ask(self, **said: Any) -> Any:
        """Says one thing, and waits for what comes of it."""
        (what,) = said
        if self._over is not None:
            raise NotAsItMustBe(self._over)
        answer = self._answers[what] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(said) + b"\n")
        try:
            with suppress(ConnectionError):
                await self._process.stdin.drain()
            return await asyncio.wait_for(answer, ANSWERS_WITHIN_S)
        except TimeoutError:
            raise NotAsItMustBe(f"{self.name} did not answer {what} within {ANSWERS_WITHIN_S:g} s") from None

    async def cut(self) -> None:
        """As when the power fails: without a word to anybody."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        reason = f"{self.name} ended"
        while line := await self._process.stdout.readline():
            ((what, told),) = orjson.loads(line).items()
            if what == "counted":
                self._counted(told)
            elif what == "failed":
                reason = f"{self.name}: {told}"
            elif (answer := self._answers.get(what)) is not None and not answer.done():
                answer.set_result(told)
        self._over = reason
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(NotAsItMustBe(reason))


async def visit(settings: Settings, module: str, name: str, counted: Callable[[Any], None]) -> Visitor:
    """A visitor that waits to be spoken to. What goes wrong in it is in `visitors.log` of the data folder."""
    log = settings.data / "log" / "visitors.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *tethered([sys.executable, "-m", module], orphan_signal=signal.SIGKILL),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=child_environment(Settings(data=settings.data)),
            limit=LONGEST_LINE,
        )
    return Visitor(name, process, counted)
