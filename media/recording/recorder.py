"""The recorder: takes in what was authorised, as long as it is authorised, and brings it to where it stays.

Rules: the log alone says what is recorded: an authorisation begins it once the last door, the command that records its
begin, has let it through; a stop ends it at once. Tracks that nobody authorised are not even handed over. A recording
that does not begin, or into which no byte comes, is an alarm. After a kill everything goes on from the spool.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from domain._live import FailureCause, StopCause
from infra.measures import (
    RECORDER_BEHIND,
    RECORDER_DROPPED,
    RECORDING_SILENT,
    RECORDINGS,
    RECORDINGS_FAILED,
)
from infra.objects import Objects
from infra.sealing.data_keys import DataKeys
from infra.sealing.master_keys import KeyNotUnwrapped
from media.recording.disk import Disk
from media.recording.recording import Recording
from media.recording.telling import Teller
from media.recording.vault import Vault
from media.recording.why import Why
from media.recording.wire import Says
from media.recording.worker_line import WorkerLine
from media.tracks import TrackDescription

TICK_S = 0.25
SECOND_NS = 1_000_000_000
SILENT_NS = 10 * SECOND_NS
# Whoever is on the tracks wants nothing more kept.
AT_ONCE = {StopCause.CONSENT_WITHDRAWN, StopCause.PERSON_WITHOUT_CONSENT}
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _There:
    """A track that some worker can hand over."""

    line: WorkerLine
    number: int
    track: TrackDescription


@dataclass(slots=True)
class _Wanted:
    """An authorised recording that has not begun. `position` is where the log says so."""

    session_id: UUID
    track_ids: tuple[UUID, ...]
    position: int
    since_ns: int
    beginning: bool = False


class Recorder:
    def __init__(
        self,
        spool: Path,
        objects: Objects,
        keys: DataKeys,
        teller: Teller,
        most_wait_s: float,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """A track that does not come, or not back, for longer than `most_wait_s` is an alarm, or the end."""
        self._most_wait_ns = int(most_wait_s * SECOND_NS)
        self._spool, self._vault, self._keys, self._teller, self._now_ns = spool, Vault(objects), keys, teller, now_ns
        self.disk = Disk()
        self.lines: set[WorkerLine] = set()
        self._there: dict[UUID, _There] = {}
        self._wanted: dict[UUID, _Wanted] = {}
        self._running: dict[UUID, Recording] = {}
        self._since_ns: dict[UUID, int] = {}
        self._takers: dict[UUID, Recording] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None

    # What the log says ---------------------------------------------------------------------------------------

    def authorised(self, session_id: UUID, recording_id: UUID, track_ids: tuple[UUID, ...], position: int) -> None:
        if recording_id not in self._running and not (self._spool / str(recording_id)).exists():
            self._wanted[recording_id] = _Wanted(session_id, track_ids, position, self._now_ns())
            self._begin_what_can()

    def continued(self, recording_id: UUID, before: UUID, after: UUID) -> None:
        """A track came back over another line, as another track: the recording goes on with it."""
        if (wanted := self._wanted.get(recording_id)) is not None:
            wanted.track_ids = tuple(after if each == before else each for each in wanted.track_ids)
            self._begin_what_can()
        recording = self._running.get(recording_id)
        if recording is not None and not recording.ended and after not in recording.track_ids:
            recording.continued(before, after)
            if after in self._there:
                self._take_up(recording, after)

    def stopped(self, recording_id: UUID, cause: StopCause) -> None:
        self._wanted.pop(recording_id, None)
        if (recording := self._running.get(recording_id)) is not None:
            self._end(recording, cause)

    @property
    def first_wanted(self) -> int | None:
        """The first position of the log of which something is still to be begun."""
        return min((each.position for each in self._wanted.values()), default=None)

    # What the workers say ------------------------------------------------------------------------------------

    def line(self) -> WorkerLine:
        """The protocol of a new connection."""
        return WorkerLine(self, self.disk, self.lines)

    def track_there(self, line: WorkerLine, number: int, track: TrackDescription) -> None:
        self._there[track.track_id] = _There(line, number, track)
        for recording in self._running.values():
            if track.track_id in recording.track_ids and track.track_id not in recording.live_tracks:
                self._take_up(recording, track.track_id)
        self._begin_what_can()

    def track_gone(self, track_id: UUID, why: Why = Why.LINE_SILENT) -> None:
        self._there.pop(track_id, None)
        if (recording := self._takers.pop(track_id, None)) is not None:
            recording.track_ended(track_id, why)
            # It may come back over another line.
            self._since_ns[recording.recording_id] = self._now_ns()

    def packet(self, track_id: UUID, rtp: bytes, arrived_ns: int) -> None:
        if (recording := self._takers.get(track_id)) is not None:
            recording.packet(track_id, rtp, arrived_ns)

    def sender_report(self, track_id: UUID, ntp: int, rtp_timestamp: int) -> None:
        if (recording := self._takers.get(track_id)) is not None:
            recording.sender_report(track_id, ntp, rtp_timestamp)

    def overrun(self, track_id: UUID, packets: int) -> None:
        RECORDER_DROPPED.inc(packets)
        if (recording := self._takers.get(track_id)) is not None:
            recording.overrun(track_id, packets)

    # What time brings ----------------------------------------------------------------------------------------

    async def resume(self) -> None:
        """Mend what a kill left, and go on with it."""
        self._spool.mkdir(parents=True, exist_ok=True)
        for folder in sorted(each for each in self._spool.iterdir() if each.is_dir()):
            recording_id = UUID(folder.name)
            try:
                recording = self._recording(recording_id)
            except KeyNotUnwrapped as fault:
                log.error("recording_without_key", exc_info=fault)
                continue
            if not recording.journal.of("began"):
                # Killed before the first line: nothing was kept, and the log still says that it is to begin.
                recording.forget()
                continue
            self._running[recording_id], self._since_ns[recording_id] = recording, self._now_ns()
            self._go(self._tell(recording))

    def tick(self) -> None:
        now_ns = self._now_ns()
        for recording in list(self._running.values()):
            recording.passed(now_ns)
            self._watch(recording, now_ns)
        for recording_id, wanted in list(self._wanted.items()):
            if now_ns - wanted.since_ns > self._most_wait_ns and not wanted.beginning:
                del self._wanted[recording_id]
                self._go(self._fail(wanted.session_id, recording_id, FailureCause.NOT_STARTED, "no track came"))
        for line in list(self.lines):
            line.disk_caught_up()
        RECORDINGS.set(len(self._running))
        RECORDER_BEHIND.set(self.disk.waiting_bytes)
        RECORDING_SILENT.set(sum(self._silent(each, now_ns) for each in self._running.values()))
        if (fault := self._fault or self.disk.fault) is not None:
            # Started again, the recorder mends and goes on; what cannot go on then is an alarm each time.
            raise fault

    async def close(self) -> None:
        """The recorder goes and comes back: segments are closed, recordings go on after the start."""
        for line in list(self.lines):
            line.cut()
        for recording in self._running.values():
            recording.pause()
        await self.disk.drained()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for recording in self._running.values():
            recording.leave()
        self.disk.close()

    # Inside --------------------------------------------------------------------------------------------------

    def _begin_what_can(self) -> None:
        for recording_id, wanted in self._wanted.items():
            if not wanted.beginning and all(each in self._there for each in wanted.track_ids):
                wanted.beginning = True
                self._go(self._begin(recording_id, wanted))

    async def _begin(self, recording_id: UUID, wanted: _Wanted) -> None:
        if not await self._teller.started(wanted.session_id, recording_id):
            self._wanted.pop(recording_id, None)
            return
        recording = self._recording(recording_id)
        tracks = [self._there[each].track for each in wanted.track_ids if each in self._there]
        await recording.begin(wanted.session_id, tracks)
        # It may have been stopped while the key was made.
        stopped = self._wanted.pop(recording_id, None) is None
        self._running[recording_id], self._since_ns[recording_id] = recording, self._now_ns()
        self._go(self._tell(recording))
        if stopped or not tracks:
            self._end(recording, StopCause.TRACKS_ENDED)
            return
        for track in tracks:
            self._take(recording, track.track_id)

    def _take_up(self, recording: Recording, track_id: UUID) -> None:
        if not recording.ended:
            recording.take_up([self._there[track_id].track])
            self._take(recording, track_id)

    def _take(self, recording: Recording, track_id: UUID) -> None:
        there = self._there.get(track_id)
        if there is None:
            recording.track_ended(track_id)
            return
        self._takers[track_id] = recording
        there.line.say(Says.TAKE, there.number)

    def _end(self, recording: Recording, cause: StopCause) -> None:
        for track_id in recording.track_ids:
            if self._takers.pop(track_id, None) is not None and (there := self._there.get(track_id)):
                there.line.say(Says.LEAVE, there.number)
        recording.end(cause.value, keep_what_waits=cause not in AT_ONCE)

    def _ask_key_frame(self, track_id: UUID) -> None:
        if (there := self._there.get(track_id)) is not None:
            there.line.say(Says.KEY, there.number)

    def _watch(self, recording: Recording, now_ns: int) -> None:
        if recording.ended:
            return
        waited = now_ns - self._since_ns[recording.recording_id] > self._most_wait_ns
        if waited and not recording.live_tracks:
            self._end(recording, StopCause.TRACKS_ENDED if recording.last_packet_ns else StopCause.RECORDER_LOST)
        elif waited and not recording.journal.of("first_bytes"):
            self._end(recording, StopCause.TRACKS_ENDED)
            failing = self._fail(recording.session_id, recording.recording_id, FailureCause.NO_BYTES, "no byte came")
            self._go(failing)

    @staticmethod
    def _silent(recording: Recording, now_ns: int) -> bool:
        last_ns = recording.last_packet_ns
        return not recording.ended and last_ns is not None and now_ns - last_ns > SILENT_NS

    async def _fail(self, session_id: UUID, recording_id: UUID, cause: FailureCause, detail: str) -> None:
        RECORDINGS_FAILED.labels(cause.value).inc()
        await self._teller.failed(session_id, recording_id, cause, detail)

    async def _tell(self, recording: Recording) -> None:
        """Every line of the journal to the log, in order, and at the end where the recording is."""
        number = 0
        while True:
            while number < len(recording.journal.entries):
                entry = recording.journal.entries[number]
                await self._teller.entry(recording.session_id, recording.recording_id, number, entry)
                number += 1
            if recording.ended:
                break
            await asyncio.sleep(TICK_S)
        stored = await recording.stored()
        if stored is None:
            await self._fail(recording.session_id, recording.recording_id, FailureCause.NO_BYTES, "it is empty")
        else:
            await self._teller.sealed(recording.session_id, recording.recording_id, stored)
        del self._running[recording.recording_id]
        recording.forget()

    def _recording(self, recording_id: UUID) -> Recording:
        folder = self._spool / str(recording_id)
        return Recording(recording_id, folder, self.disk, self._vault, self._keys, self._ask_key_frame)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("recorder_failed", exc_info=fault)
            self._fault = self._fault or fault
