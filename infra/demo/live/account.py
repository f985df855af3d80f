"""What each side says of the pictures: who sent them, who got them, the views, the recording, and the export.

Rules: each account comes from its own source, so that they can be held against one another; nothing is tidied up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.demo.live.seats import Row

PICTURES_A_SECOND = 15
NONE_SUCH: Row = {
    "status": None,
    "trackIds": [],
    "sha256": None,
    "stoppedBecause": None,
    "durationMs": 0,
    "accesses": [],
}


@dataclass(frozen=True)
class Source:
    """A camera or an ultrasound by what its own processes sent.

    `cuts` is how often its power failed, `returns` how often it lost its connection and came back.
    """

    place: str
    name: str
    pictures: int
    sounds: int
    cuts: int = 0
    returns: int = 0


@dataclass(frozen=True)
class Watched:
    """What one viewer got: pictures, how many are missing between them, and when they stood still, in ms.

    `away` counts pauses of the source; `moves` is whether the picture still ran when everybody left.
    """

    name: str
    place: str
    pictures: int
    sounds: int
    missing: int
    away: int
    standstills: Sequence[int]
    longest_ms: int
    returns: int
    size: Sequence[int]
    moves: bool = True


@dataclass(frozen=True)
class Still:
    """A still as the door of the worker answered; `held` is the hash of what the sending side had, if it sent it."""

    image_id: str
    sha256: str
    lossless: bool
    width: int
    height: int
    held: str | None = None


@dataclass(frozen=True)
class Clip:
    """One file of the recording: pictures by its manifest, and as a decoder counts them."""

    tracks: Sequence[str]
    width: int
    height: int
    duration_ms: int
    written: int
    decoded: int
    size: int


@dataclass(frozen=True)
class Played:
    """A recording as it was played back by somebody who may. `sha256` is of the manifest that was given out."""

    recording_id: str
    sha256: str
    clips: Sequence[Clip]
    gaps: Sequence[Row]
    dicom_sha256: str
    dicom_pictures: int


@dataclass(frozen=True)
class Account:
    """Everything. `room` and `images` are what the views show at the end; `marks` the kinds of marks on the scan."""

    sources: Sequence[Source]
    watched: Sequence[Watched]
    stills: Sequence[Still]
    played: Played
    room: Row
    images: Sequence[Row]
    marks: Sequence[str]
    device_id: str

    @property
    def recording(self) -> Row:
        """The recording that was played, as the view shows it."""
        return next(
            (one for one in self.room["recordings"] if one["recordingId"] == self.played.recording_id),
            NONE_SUCH,
        )

    @property
    def scans(self) -> set[str]:
        """The tracks of the ultrasound: more than one when its connection was lost."""
        return {one["trackId"] for one in self.room["tracks"] if one["source"] == "ULTRASOUND"}

    def viewers(self, place: str) -> list[Watched]:
        return [one for one in self.watched if one.place == place]


def figures(account: Account) -> dict[str, Any]:
    """The account in numbers, by source and of the recording."""
    return {
        "sources": [_of_source(account, one) for one in account.sources],
        "viewers": len(account.watched),
        "stills": len(account.stills),
        "stills_lossless": sum(one.lossless for one in account.stills),
        "recording": {
            "ms": account.recording["durationMs"],
            "pictures": sum(one.decoded for one in account.played.clips),
            "gaps": len(account.played.gaps),
            "sha256": account.recording["sha256"],
            "dicom_pictures": account.played.dicom_pictures,
        },
    }


def _of_source(account: Account, source: Source) -> dict[str, Any]:
    viewers = account.viewers(source.place)
    return {
        "place": source.place,
        "name": source.name,
        "sent": source.pictures,
        "sounds": source.sounds,
        "viewers": len(viewers),
        "received": sum(one.pictures for one in viewers),
        "missing": sum(one.missing for one in viewers),
        "standstills": sum(len(one.standstills) for one in viewers),
        "longest_ms": max((one.longest_ms for one in viewers), default=0),
        "cuts": source.cuts,
        "returns": source.returns + sum(one.returns for one in viewers),
    }
