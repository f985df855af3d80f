"""The process `recorder`: follows the log for what may be recorded, and takes it from the media workers beside it.

Rules: one recorder works on a spool, by a lock on its folder; the log is read by position, and the position is written
down only behind what has begun; the socket belongs to the user of this process alone.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import structlog

from commands._bus import Bus
from domain._live import StopCause
from domain.live_session import RecordingAuthorised, RecordingFailed, RecordingStopped, TrackPublished
from infra import event_log
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.local.files import locked, write_atomically
from infra.mapper import Broken, Stored, decoded
from infra.objects import Objects
from infra.postgres import LINE_FAULTS, Line, Wake, keep_listening
from infra.reference import load as load_reference
from infra.sealing.data_keys import DataKeys
from infra.sealing.master_keys import master_keys
from infra.settings import Settings
from infra.waiting import rest
from media.framed import listening
from media.recording.feed import recorder_socket
from media.recording.recorder import TICK_S, Recorder
from media.recording.telling import Teller

CONCERNS = {kind.name for kind in (RecordingAuthorised, RecordingStopped, RecordingFailed, TrackPublished)}
log = structlog.get_logger()


class SpoolInUse(Exception):
    """Another recorder works on this spool."""


def spool_folder(settings: Settings) -> Path:
    return settings.data / "recorder"


class Follower:
    """Carries what the log says to the recorder."""

    def __init__(self, dsn: str, recorder: Recorder, file: Path, vitals: Vitals) -> None:
        self._line, self._recorder, self._file, self._vitals = Line(dsn), recorder, file, vitals
        self._position = int(file.read_text()) if file.exists() else 0

    async def run(self, wake: Wake) -> None:
        while True:
            try:
                await self._read_on()
                self._vitals.has("database")
            except LINE_FAULTS as fault:
                self._vitals.wait_for("database", type(fault).__name__)
                await self._line.drop()
            await wake.wait()

    async def close(self) -> None:
        await self._line.close()

    async def _read_on(self) -> None:
        db = await self._line.get()
        upto = await event_log.head(db)
        async for chunk in event_log.all_after(db, self._position, upto, CONCERNS):
            for stored in chunk:
                self._carry(stored)
        self._position = self._vitals.position = upto
        self._write_down()

    def _carry(self, stored: Stored) -> None:
        read = decoded(stored)
        if read is None or isinstance(read, Broken):
            log.error("event_not_understood", position=stored.position)
            return
        match read.event:
            case RecordingAuthorised(recording_id=recording_id, track_ids=track_ids):
                self._recorder.authorised(stored.stream_id, recording_id, track_ids, stored.position)
            case TrackPublished(track_id=track_id, continues=UUID() as before, recording_ids=recording_ids):
                for recording_id in recording_ids:
                    self._recorder.continued(recording_id, before, track_id)
            case RecordingStopped(recording_id=recording_id, cause=cause):
                self._recorder.stopped(recording_id, cause)
            case RecordingFailed(recording_id=recording_id):
                self._recorder.stopped(recording_id, StopCause.RECORDER_LOST)

    def _write_down(self) -> None:
        """What is still to be begun is read again after a kill."""
        first = self._recorder.first_wanted
        write_atomically(self._file, str(self._position if first is None else min(self._position, first - 1)))


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    if settings.database_url is None:
        raise RuntimeError("the recorder needs DATABASE_URL")
    store = PostgresEventStore(settings.database_url)
    objects, spool = Objects.open(settings), spool_folder(settings)
    teller = Teller(Bus(store), load_reference(), vitals)
    with locked(spool / "lock", SpoolInUse(f"another recorder works in {spool.name}")):
        keys = DataKeys(objects, master_keys(settings))
        recorder = Recorder(spool / "spool", objects, keys, teller, settings.recorder_alarm_seconds)
        await recorder.resume()
        follower = Follower(settings.database_url, recorder, spool / "position", vitals)
        server = await listening(recorder.line, recorder_socket(settings))
        wake = Wake()
        following = [
            asyncio.create_task(follower.run(wake)),
            asyncio.create_task(keep_listening(settings.database_url, "events", wake)),
        ]
        vitals.started()
        try:
            while not stop.is_set():
                recorder.tick()
                _look_at(following)
                await rest(stop, TICK_S)
        finally:
            server.close()
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            await recorder.close()
            await follower.close()
            await store.close()


def _look_at(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()
