"""The pictures of the whole day, from the first camera that warms up to the room that is closed."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from pydicom.data import get_testdata_file

from infra.demo.day import Day
from infra.demo.hospitals import Hospital
from infra.demo.live.account import Account, Played
from infra.demo.live.playback import play_back
from infra.demo.live.room import Room
from infra.demo.live.scan import Scan
from infra.demo.live.seats import Seats
from infra.demo.people import Cast

MARKS = """
query ($id: UUID!) { pictureMarks(liveSessionId: $id, first: 50) { nodes { what } } }
"""


def loop() -> Path:
    """A real ultrasound, which pydicom carries as an example, with nobody behind it."""
    file = get_testdata_file("examples_ybr_color.dcm", download=False)
    assert isinstance(file, str)
    return Path(file)


class LiveDay:
    """What the course of the day asks of the room. `close` whatever happens."""

    def __init__(self, day: Day, cast: Cast, consultation_id: UUID) -> None:
        self._day, self._cast = day, cast
        self._seats = Seats(day, cast, consultation_id)
        self._room = Room(day, cast, self._seats)
        self._scan: Scan | None = None
        self._played: Played | None = None

    async def begin(self) -> None:
        await self._room.begin(self._day.ultrasound or loop())

    async def open(self) -> None:
        await self._room.open()

    async def examine(self, examination_id: UUID, device_id: UUID) -> None:
        """The first patient is examined before everybody's eyes."""
        self._scan = Scan(self._day, self._cast, self._room, examination_id, device_id)
        await self._scan.examine()

    async def put_away(self) -> None:
        assert self._scan is not None
        await self._scan.stop()

    async def lose(self, point: Hospital) -> None:
        await self._room.lose(point)

    async def find(self, point: Hospital) -> None:
        await self._room.find(point)

    async def leave(self) -> None:
        """Everybody goes; the recording is looked at and taken to the patient's record."""
        assert self._scan is not None
        await self._room.leave()
        id_ = str(self._scan.recording_id)
        who = self._cast.responsible
        self._played = played = await play_back(self._day, self._seats, who, self._scan.session_id, id_)
        seconds = sum(clip.duration_ms for clip in played.clips if self._scan.track_id in clip.tracks) / 1000
        self._day.stage.recording = f"✓ {seconds:.1f} s, {played.sha256[:12]}…"
        pictures = sum(clip.decoded for clip in played.clips)
        self._day.stage.say(f"Bản ghi phát lại được {pictures} hình, xuất DICOM / played back, exported as DICOM")

    async def account(self) -> Account:
        """Everything, once the room has followed its consultation."""
        assert self._scan is not None
        assert self._played is not None
        room = await self._seats.until("the room is closed", lambda room: room["status"] == "CLOSED")
        marks = await self._day.ask(self._cast.responsible, MARKS, id=self._scan.session_id)
        return Account(
            sources=tuple(self._room.sources),
            watched=tuple(self._room.watched),
            stills=tuple(self._scan.stills),
            played=self._played,
            room=room,
            images=await self._scan.images(),
            marks=[one["what"] for one in marks["pictureMarks"]["nodes"]],
            device_id=str(self._scan.device_id),
        )

    async def close(self) -> None:
        await self._room.close()
