"""One program under supervision: started, watched, started again, ended.

Rules: what dies is started again, the first time at once, then with growing pauses, and without pauses again after it
has lived for a while; a program that never became ready and died three times is given up during start-up, with the
last lines of its log; an end that was asked for is not a death.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.files import tail
from infra.local.kinship import Kin, tethered
from infra.local.program import CannotStart, Program

PAUSES_SECONDS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
STEADY_SECONDS = 30.0
READY_POLL_SECONDS = 0.05
WATCH_POLL_SECONDS = 1.0
GIVE_UP_AFTER = 3


@dataclass
class Child:
    """`state` is stopped, preparing, starting, ready, unready, restarting, stopping or failed."""

    program: Program
    log: Path
    stop_timeout_seconds: float
    changed: Callable[[], None]
    state: str = "stopped"
    reason: str | None = None
    kin: Kin | None = None
    restarts: int = 0
    exit_code: int | None = None
    failure: str | None = None
    was_ready: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: bool = False
    _process: asyncio.subprocess.Process | None = None
    _keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def first_ready(self) -> None:
        """Returns when the program does its work for the first time; CannotStart when it was given up."""
        assert self._keeper is not None
        ready = asyncio.create_task(self.was_ready.wait())
        await asyncio.wait({ready, self._keeper}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not self.was_ready.is_set():
            raise CannotStart(f"{self.program.name}: {self.failure or 'did not start'}")

    async def stop(self) -> None:
        """Asks the program to end, then insists; afterwards nothing of it runs."""
        self._stopping = True
        if self.kin is not None:
            self._say("stopping")
            await asyncio.to_thread(self.kin.end, self.program.stop_signals, self.stop_timeout_seconds)
        if self._keeper is not None:
            if self.kin is None:
                self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._say("stopped" if self.failure is None else "failed", self.failure)

    async def _keep(self) -> None:
        attempt = 0
        while not self._stopping:
            began = time.monotonic()
            try:
                await self._live()
            except CannotStart as error:
                self.failure = str(error)
            except OSError as error:
                self.failure = f"{type(error).__name__}: {error}" if not self.was_ready.is_set() else None
            if self._stopping:
                return
            attempt = 0 if time.monotonic() - began > STEADY_SECONDS else attempt + 1
            if not self.was_ready.is_set() and (self.failure or attempt >= GIVE_UP_AFTER):
                self.failure = self.failure or f"ended with {self.exit_code}\n{tail(self.log)}"
                self._say("failed", self.failure)
                return
            self.restarts += 1
            self._say("restarting", f"ended with {self.exit_code}")
            await asyncio.sleep(PAUSES_SECONDS[min(max(attempt - 1, 0), len(PAUSES_SECONDS) - 1)])

    async def _live(self) -> None:
        """One life of the program, from its start to its end."""
        self.failure = None
        self._say("preparing" if self.restarts == 0 else "restarting")
        await asyncio.to_thread(self.program.prepare)
        if self._stopping:
            return
        await self._spawn()
        assert self._process is not None
        watch = asyncio.create_task(self._watch())
        try:
            self.exit_code = await self._process.wait()
        finally:
            self.kin = None
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _spawn(self) -> None:
        program = self.program
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *tethered(program.command, orphan_signal=program.orphan_signal, user=program.user),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(program.environment),
                start_new_session=True,
            )
        self.kin = Kin.of(self._process.pid)
        self._say("starting")

    async def _watch(self) -> None:
        """Follows the program's readiness while it lives."""
        assert self._process is not None
        # A cancellation that meets an answer in the same moment can be lost; so the end of the life is asked for too.
        while self.kin is not None:
            reason = await self.program.why_not_ready(self._process.pid)
            if self._stopping or self.kin is None:
                return
            if reason is None:
                self.was_ready.set()
                self._say("ready")
            else:
                self._say("unready" if self.state in ("ready", "unready") else "starting", reason)
            await asyncio.sleep(WATCH_POLL_SECONDS if reason is None else READY_POLL_SECONDS)

    def _say(self, state: str, reason: str | None = None) -> None:
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            self.changed()
