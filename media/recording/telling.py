"""What the recorder tells the log, by the system's commands.

Rules: the id of each command follows from the recording and what is told, so a recorder that was killed tells its whole
journal again and doubles nothing; a refusal is an answer; the store may be away as long as it wants, nothing is lost,
because the journal stays until its last line was told. Gaps that no ear or eye would miss stand in the manifest alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import structlog

from commands._bus import Accepted, Bus, Rejected, Unavailable
from commands._command import Command, Context
from commands._ids import derived_id
from commands.live_session_recording import (
    RecordFirstBytes,
    RecordRecordingEnded,
    RecordRecordingFailed,
    RecordRecordingGap,
    RecordRecordingSealed,
    RecordRecordingStarted,
)
from domain._kernel import Actor, Role
from domain._live import FailureCause, GapCause, StopCause
from domain._reference import ReferenceData
from domain._values import Blob, Period
from infra.health import Vitals
from media.recording.journal import Entry

THE_RECORDER = Actor(id=UUID("0b7d2f5e-5f0c-5b6b-9d0c-2a6a9c1f4e77"), roles=frozenset({Role.SYSTEM}))
# What the recorder decided by itself; the rest it was told by the log.
OWN_ENDS = {StopCause.TRACKS_ENDED, StopCause.RECORDER_LOST}
SHORTEST_GAP_MS = 200
log = structlog.get_logger()


class Teller:
    def __init__(self, bus: Bus, reference: ReferenceData, vitals: Vitals) -> None:
        self._bus, self._reference, self._vitals = bus, reference, vitals

    async def started(self, session_id: UUID, recording_id: UUID) -> bool:
        """The last door: answers whether the recording may begin."""
        command = RecordRecordingStarted(live_session_id=session_id, recording_id=recording_id)
        return isinstance(await self._send(derived_id(recording_id, "started"), command), Accepted)

    async def entry(self, session_id: UUID, recording_id: UUID, number: int, entry: Entry) -> None:
        """A line of the journal; most are of interest to the manifest alone."""
        command = told(session_id, recording_id, entry)
        if command is not None:
            await self._send(derived_id(recording_id, f"line {number}"), command)

    async def sealed(self, session_id: UUID, recording_id: UUID, stored: Mapping[str, str | int]) -> None:
        blob = Blob(sha256=str(stored["sha256"]), media_type=str(stored["media_type"]), size=int(stored["size"]))
        command = RecordRecordingSealed(
            live_session_id=session_id,
            recording_id=recording_id,
            recording=blob,
            duration_ms=int(stored["duration_ms"]),
            key_id=str(stored["key_id"]),
        )
        await self._send(derived_id(recording_id, "sealed"), command)

    async def failed(self, session_id: UUID, recording_id: UUID, cause: FailureCause, detail: str) -> None:
        """Raises the alarm, in the log and in the lines of this process."""
        log.error("recording_failed", stream_id=session_id, reason=cause.value)
        command = RecordRecordingFailed(
            live_session_id=session_id, recording_id=recording_id, cause=cause, detail=detail
        )
        await self._send(derived_id(recording_id, f"failed {cause.value}"), command)

    async def _send(self, command_id: UUID, command: Command) -> Accepted | Rejected:
        while True:
            context = Context(
                actor=THE_RECORDER, now=datetime.now(UTC), correlation_id=command_id, reference=self._reference
            )
            try:
                answer = await self._bus.handle(command, context, command_id)
            except Unavailable as fault:
                self._vitals.wait_for("store", "takes no commands")
                await asyncio.sleep(fault.retry_after)
                continue
            self._vitals.has("store")
            if isinstance(answer, Rejected):
                if answer.code == "TOO_MUCH_CONTENTION":
                    await asyncio.sleep(0.1)
                    continue
                log.info("recorder_refused", command=type(command).__name__, code=answer.code)
            return answer


def told(session_id: UUID, recording_id: UUID, entry: Entry) -> Command | None:
    """The command that carries a line of the journal to the log, if any does."""
    match entry["what"]:
        case "first_bytes":
            return RecordFirstBytes(live_session_id=session_id, recording_id=recording_id)
        case "gap":
            since, until = datetime.fromisoformat(entry["since"]), datetime.fromisoformat(entry["until"])
            if (until - since).total_seconds() * 1000 < SHORTEST_GAP_MS:
                return None
            return RecordRecordingGap(
                live_session_id=session_id,
                recording_id=recording_id,
                track_id=UUID(entry["track"]),
                gap=Period(start=since, end=until),
                cause=GapCause(entry["why"]),
            )
        case "ended" if entry["cause"] in OWN_ENDS:
            return RecordRecordingEnded(
                live_session_id=session_id, recording_id=recording_id, cause=StopCause(entry["cause"])
            )
    return None
