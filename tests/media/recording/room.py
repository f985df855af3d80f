"""A room in a real log, tracks that somebody publishes in it, and the recorder as a process that can be killed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from commands._bus import Append, Conflict, NewEvent
from domain._kernel import Actor, Event, Metadata, Role
from domain.live_session import RecordingAuthorised, RecordingConsented, RecordingStopped
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.local.kinship import tethered
from infra.media_tokens import Source
from infra.objects import Objects
from infra.sealing.data_keys import DataKeys
from infra.sealing.master_keys import master_keys
from infra.settings import Settings, child_environment
from media.recording.feed import RecorderFeed, recorder_socket
from media.recording.process import main, spool_folder
from media.tracks import Ended, Measured, Tap, TrackDescription
from tests.domain.cast import DR_HOA
from tests.domain.live_cast import AGREED, CAMERA, PROBE_PICTURE, ROOM, SOUND
from tests.media.recording.source import Sender, described

E = TypeVar("E", bound=Event)
WITHIN_S = 90
STAFF = Actor(id=UUID(int=1), roles=frozenset({Role.DOCTOR}), facility_id=UUID(int=2))


@dataclass
class Published:
    """A track of a worker: whoever taps it gets what is sent."""

    description: TrackDescription
    taps: list[Tap] = field(default_factory=list)
    asked: int = 0
    tapped: int = 0

    def add_tap(self, tap: Tap) -> None:
        self.taps.append(tap)
        self.tapped += 1

    def remove_tap(self, tap: Tap) -> None:
        self.taps.remove(tap)

    def ask_key_frame(self) -> None:
        self.asked += 1

    def measured(self) -> Measured:
        return Measured(2500, 30, 320, 240, 0, 0, 1, 20, 0, 0, 2)

    def send(self, sender: Sender, frames: Sequence[bytes]) -> None:
        """At once, with the arrival times of a line in real time that ends now."""
        sender.at_ns = time.monotonic_ns() - len(frames) * 33_333_333
        for rtp, at_ns in sender.send(frames):
            for tap in list(self.taps):
                tap.packet(rtp, at_ns)

    def end(self) -> None:
        for tap in list(self.taps):
            tap.ended(Ended.LEFT)


def published(track_id: UUID, codec: str, source: Source | None = None) -> Published:
    track = described(codec, source)
    fields = {name: getattr(track, name) for name in TrackDescription.__dataclass_fields__}
    return Published(TrackDescription(**{**fields, "track_id": track_id, "session_id": ROOM}))


def camera(codec: str = "vp8") -> Published:
    return published(CAMERA, codec, Source.CAMERA)


def probe(codec: str = "h264") -> Published:
    return published(PROBE_PICTURE, codec)


def sound() -> Published:
    return published(SOUND, "opus")


@dataclass
class Store:
    """Where recordings lie, and what opens them."""

    objects: Objects
    keys: DataKeys

    @classmethod
    def of(cls, settings: Settings) -> Store:
        objects = Objects.open(settings)
        return cls(objects, DataKeys(objects, master_keys(settings)))


class Room(Store):
    """The live session of the specs, in a log of its own, with everybody's consent."""

    def __init__(self, dsn: str, data: Path) -> None:
        self.settings = Settings.from_env(
            {"TELEHEALTH_DATA": str(data), "DATABASE_URL": dsn, "TELEHEALTH_LOG_TO_STDERR": "false"}
        )
        self.store = PostgresEventStore(dsn)
        there = Store.of(self.settings)
        super().__init__(there.objects, there.keys)
        self.feed = RecorderFeed(recorder_socket(self.settings))
        self._stop = asyncio.Event()
        self._feeding: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    async def opened(self, agreed: Sequence[Event] = AGREED) -> None:
        await self.happened(*agreed, RecordingConsented(track_id=SOUND, person_id=DR_HOA))
        self._feeding = asyncio.create_task(self.feed.run(self._stop))

    async def happened(self, *events: Event, stream: UUID = ROOM) -> None:
        command_id = uuid4()
        metadata = Metadata(
            actor=STAFF, command_id=command_id, correlation_id=command_id, clinical_time=datetime.now(UTC)
        )
        new = [NewEvent(event, metadata) for event in events]
        while True:
            # The recorder tells the same stream meanwhile.
            with suppress(Conflict):
                await self.store.append(Append(command_id, b"", stream, len(await self.log(stream)), new))
                return

    def lose_the_worker(self) -> None:
        """As the kernel does it when the worker is killed: the connection is gone, without a word."""
        assert self._feeding is not None
        self._feeding.cancel()
        self._feeding = None

    @asynccontextmanager
    async def another_worker(self) -> AsyncIterator[RecorderFeed]:
        feed = RecorderFeed(recorder_socket(self.settings))
        feeding = asyncio.create_task(feed.run(self._stop))
        try:
            yield feed
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)

    async def authorised(self, *track_ids: UUID) -> UUID:
        recording_id = uuid4()
        await self.happened(RecordingAuthorised(recording_id=recording_id, track_ids=track_ids, people=()))
        return recording_id

    async def stopped(self, recording_id: UUID, cause: str = "asked") -> None:
        await self.happened(RecordingStopped.model_validate({"recording_id": recording_id, "cause": cause}))

    async def log(self, stream: UUID = ROOM) -> list[Event]:
        return [each.event for each in (await self.store.load({stream: 0})).get(stream, ())]

    async def told(self, kind: type[E], number: int = 1) -> list[E]:
        """Waits until the log holds so many of these facts."""
        found: list[E] = []

        async def enough() -> bool:
            found[:] = [event for event in await self.log() if isinstance(event, kind)]
            return len(found) >= number

        await until(enough, lambda: f"{number} of {kind.name}, not {found}")
        return found

    def run_recorder(self, **options: str) -> None:
        """Within this process, for specs in which nobody is killed."""
        settings = Settings.from_env({**self.settings.to_env(), **options})
        self._running = asyncio.create_task(main(settings, Vitals("recorder"), self._stop))

    def start_recorder(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "infra.cli", "run", "recorder"]
        environment = child_environment(self.settings)
        process = subprocess.Popen(
            tethered(command, orphan_signal=signal.SIGKILL), env=environment, stdout=subprocess.DEVNULL
        )
        self._processes.append(process)
        return process

    def spooled(self) -> list[Path]:
        return [path for path in (spool_folder(self.settings) / "spool").rglob("*") if path.is_file()]

    async def close(self) -> None:
        self._stop.set()
        if self._feeding is not None:
            await self._feeding
        if self._running is not None:
            await self._running
        for process in self._processes:
            process.kill()
            process.wait()
        await self.store.close()


async def until(holds: Callable[[], object], what: Callable[[], str] = lambda: "") -> None:
    """Waits for what another process does."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        answer = holds()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline, what()
        await asyncio.sleep(0.05)
