"""What people do with a picture together, in its coordinates and its time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from commands.live_session_picture import (
    MOST_DOTS,
    MOST_STROKES,
    ClearStrokes,
    DrawStroke,
    FreezePicture,
    PlacePointer,
    RecordStill,
    ReleasePicture,
)
from domain._kernel import Event
from domain._live import Destination, Dot, Shape, Source, StillOrigin
from domain._values import Blob, LinkQuality
from domain.live_session import (
    LiveSessionClosed,
    PictureFrozen,
    PictureReleased,
    PointerPlaced,
    StillCaptured,
    StrokeDrawn,
    StrokesCleared,
)
from tests.domain import live_cast as room
from tests.domain.cast import DR_LAN, EXAMINATION, PATIENT
from tests.domain.live_cast import HOA, LAN, PROBE_PICTURE, ROOM, STROKE, WATCHER, care, published
from tests.spec import given

HERE: dict[str, Any] = {"live_session_id": ROOM, "track_id": PROBE_PICTURE, "participant_id": LAN}
FREEZE = FreezePicture(**HERE, frame=room.FRAME)
RELEASE = ReleasePicture(**HERE)
POINT = PlacePointer(**HERE, frame=room.FRAME, dots=room.DOTS)
DRAW = DrawStroke(**HERE, stroke_id=STROKE, frame=room.FRAME, shape=Shape.CALLIPER, dots=room.DOTS, label="IVC 21 mm")
CLEAR = ClearStrokes(**HERE)
FROZEN = PictureFrozen(track_id=PROBE_PICTURE, participant_id=LAN, frame=room.FRAME)
RELEASED = PictureReleased(track_id=PROBE_PICTURE, participant_id=LAN)
DRAWN = StrokeDrawn(
    stroke_id=STROKE,
    track_id=PROBE_PICTURE,
    participant_id=LAN,
    frame=room.FRAME,
    shape=Shape.CALLIPER,
    dots=room.DOTS,
    label="IVC 21 mm",
)


def ready(*history: Event) -> given:
    return given(*history, others=care())


def test_a_picture_is_frozen_for_all_and_runs_again() -> None:
    ready(*room.SHOWN).when(FREEZE, room.LAN_HERE).then(FROZEN)
    ready(*room.SHOWN, FROZEN).when(FREEZE, room.LAN_HERE).then_refused("PICTURE_ALREADY_FROZEN")
    ready(*room.SHOWN, FROZEN).when(RELEASE, room.LAN_HERE).then(RELEASED)
    ready(*room.SHOWN, FROZEN, RELEASED).when(RELEASE, room.LAN_HERE).then_refused("PICTURE_NOT_FROZEN")


def test_one_points_at_a_live_picture_of_somebody_else() -> None:
    placed = PointerPlaced(track_id=PROBE_PICTURE, participant_id=LAN, frame=room.FRAME, dots=room.DOTS)
    ready(*room.SHOWN).when(POINT, room.LAN_HERE).then(placed)


def test_a_drawing_stays_until_it_is_cleared() -> None:
    ready(*room.SHOWN).when(DRAW, room.LAN_HERE).then(DRAWN)
    ready(*room.SHOWN, DRAWN).when(DRAW, room.LAN_HERE).then_refused("STROKE_ALREADY_DRAWN")
    cleared = StrokesCleared(track_id=PROBE_PICTURE, participant_id=LAN, stroke_ids=(STROKE,))
    ready(*room.SHOWN, DRAWN).when(CLEAR, room.LAN_HERE).then(cleared)
    ready(*room.SHOWN).when(CLEAR, room.LAN_HERE).then()
    named = CLEAR.model_copy(update={"stroke_ids": (STROKE,)})
    ready(*room.SHOWN, DRAWN).when(named, room.LAN_HERE).then(cleared)
    ready(*room.SHOWN, DRAWN, cleared).when(named, room.LAN_HERE).then_refused("NO_SUCH_STROKE")


def test_a_picture_is_not_drawn_full() -> None:
    many = tuple(DRAWN.model_copy(update={"stroke_id": UUID(int=1000 + n)}) for n in range(MOST_STROKES))
    ready(*room.SHOWN, *many[1:]).when(DRAW, room.LAN_HERE).then(DRAWN)
    ready(*room.SHOWN, *many).when(DRAW, room.LAN_HERE).then_refused("TOO_MANY_STROKES")


@pytest.mark.parametrize("command", [FREEZE, RELEASE, POINT, DRAW, CLEAR], ids=lambda one: type(one).__name__)
def test_each_acts_for_itself_on_the_line_and_observers_look_on(command: Any) -> None:
    ready(*room.SHOWN).when(command, room.HOA_HERE).then_refused("NOT_YOUR_PARTICIPANT")
    ready(*room.ADMITTED).when(command, room.LAN_HERE).then_refused("PARTICIPANT_NOT_PRESENT")
    by_observer = command.model_copy(update={"participant_id": WATCHER})
    ready(*room.SHOWN).when(by_observer, room.THE_WORKER).then_refused("OBSERVERS_ARE_SILENT")
    on_sound = command.model_copy(update={"track_id": room.SOUND})
    ready(*room.SHOWN).when(on_sound, room.LAN_HERE).then_refused("NOT_A_PICTURE")
    ready(*room.HERE).when(command, room.LAN_HERE).then_refused("NO_SUCH_TRACK")
    ready(*room.SHOWN, LiveSessionClosed()).when(command, room.LAN_HERE).then_refused("NOT_IN_THIS_STATUS")


def test_the_worker_tells_for_whoever_uses_the_data_channel() -> None:
    ready(*room.SHOWN).when(FREEZE, room.THE_WORKER).then(FROZEN)


@pytest.mark.parametrize("place", [{"x": "1.01", "y": "0"}, {"x": "-0.01", "y": "0"}, {"x": "0", "y": "2"}])
def test_a_dot_lies_in_the_picture(place: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Dot.model_validate(place)


@pytest.mark.parametrize("dots", [0, MOST_DOTS + 1])
def test_a_gesture_has_some_dots_and_not_without_end(dots: int) -> None:
    with pytest.raises(ValidationError):
        PlacePointer(**HERE, frame=room.FRAME, dots=(Dot(x=Decimal(0), y=Decimal(0)),) * dots)


# Stills ------------------------------------------------------------------------------------------------------

IMAGE = Blob(sha256="ab" * 32, media_type="image/png", size=210_000)
LINE = LinkQuality.model_validate({name: getattr(room.GOOD, name) for name in LinkQuality.model_fields})
TAKE = RecordStill(
    live_session_id=ROOM,
    image_id=room.STILL,
    track_id=PROBE_PICTURE,
    image=IMAGE,
    frame=room.FRAME,
    origin=StillOrigin.SENDING_BROWSER,
    lossless=True,
    measured=LINE,
    asked_by=DR_LAN,
)
TAKEN = StillCaptured(
    image_id=room.STILL,
    track_id=PROBE_PICTURE,
    examination_id=EXAMINATION,
    device_id=room.DEVICE,
    image=IMAGE,
    frame=room.FRAME,
    origin=StillOrigin.SENDING_BROWSER,
    lossless=True,
    measured=LINE,
    diagnostic=True,
    asked_by=DR_LAN,
)


def test_a_still_belongs_to_the_examination_whose_device_showed_it() -> None:
    ready(*room.SHOWN).when(TAKE, room.THE_WORKER).then(TAKEN)
    ready(*room.SHOWN, TAKEN).when(TAKE, room.THE_WORKER).then_refused("EVIDENCE_ALREADY_RECORDED")


def test_a_still_keeps_what_was_drawn_on_the_picture() -> None:
    cleared = StrokesCleared(track_id=PROBE_PICTURE, participant_id=LAN, stroke_ids=(STROKE,))
    with_stroke = TAKEN.model_copy(update={"stroke_ids": (STROKE,)})
    ready(*room.SHOWN, DRAWN).when(TAKE, room.THE_WORKER).then(with_stroke)
    ready(*room.SHOWN, DRAWN, cleared).when(TAKE, room.THE_WORKER).then(TAKEN)


def test_a_still_over_a_poor_line_is_labelled_not_for_diagnosis() -> None:
    poor = LINE.model_copy(update={"bitrate_kbps": 400})
    expected = TAKEN.model_copy(update={"measured": poor, "diagnostic": False})
    ready(*room.SHOWN).when(TAKE.model_copy(update={"measured": poor}), room.THE_WORKER).then(expected)


def test_a_still_of_a_camera_is_no_image_of_an_examination() -> None:
    of_camera = TAKE.model_copy(update={"track_id": room.CAMERA})
    ready(*room.SHOWN).when(of_camera, room.THE_WORKER).then_refused("NO_ULTRASOUND_HERE", "track_id")


def test_no_still_is_taken_of_a_picture_that_is_withheld_from_stills() -> None:
    scan = room.SCAN.model_copy(update={"withheld_from": (Destination.STILL,)})
    shown = published(PROBE_PICTURE, HOA, Source.ULTRASOUND, PATIENT, ultrasound=scan)
    ready(*room.HERE, shown).when(TAKE, room.THE_WORKER).then_refused("PICTURE_WITHHELD")
