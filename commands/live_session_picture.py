"""What people do with a picture while they look at it together: freeze it, point, draw, and take a still of it.

Rules: speakers do, observers look on; everything is told in the coordinates and the time of the picture, so that it can
be replayed over the recording; a still goes into the examination whose device showed it, with the quality of the line
and the label that follows from it, and not where the rules of the day withhold the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands._command import Command, Context
from commands._live import picture_of, speaker
from domain._clinical import MediaBlob
from domain._kernel import Role
from domain._live import Destination, Dot, Frame, Shape, StillOrigin
from domain._live_session import LiveSession
from domain._live_session_refusals import (
    NoSuchStroke,
    NoUltrasoundHere,
    PictureAlreadyFrozen,
    PictureNotFrozen,
    PictureWithheld,
    StrokeAlreadyDrawn,
    TooManyStrokes,
)
from domain._personal import ClinicalText
from domain._values import LinkQuality
from domain.examination import EvidenceAlreadyRecorded
from domain.live_session import (
    PictureFrozen,
    PictureReleased,
    PointerPlaced,
    StillCaptured,
    StrokeDrawn,
    StrokesCleared,
)

MOST_DOTS, MOST_STROKES = 500, 100
Dots = Annotated[tuple[Dot, ...], Field(min_length=1, max_length=MOST_DOTS)]

# People send these themselves, or over the data channel of the room, whose worker then tells for them.
AT_THE_PICTURE = {Role.DOCTOR, Role.NURSE, Role.SYSTEM}


class FreezePicture(Command, of=LiveSession, by=AT_THE_PICTURE):
    """Freeze a picture for all at a frame."""

    live_session_id: UUID
    track_id: UUID
    participant_id: UUID
    frame: Frame

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[PictureFrozen]:
        speaker(live_session, self.participant_id, context)
        if picture_of(live_session, self.track_id).frozen:
            raise PictureAlreadyFrozen()
        yield PictureFrozen(track_id=self.track_id, participant_id=self.participant_id, frame=self.frame)


class ReleasePicture(Command, of=LiveSession, by=AT_THE_PICTURE):
    """Let a frozen picture run again."""

    live_session_id: UUID
    track_id: UUID
    participant_id: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[PictureReleased]:
        speaker(live_session, self.participant_id, context)
        if not picture_of(live_session, self.track_id).frozen:
            raise PictureNotFrozen()
        yield PictureReleased(track_id=self.track_id, participant_id=self.participant_id)


class PlacePointer(Command, of=LiveSession, by=AT_THE_PICTURE):
    """Point at a place of a picture; one gesture is one fact, with its dots."""

    live_session_id: UUID
    track_id: UUID
    participant_id: UUID
    frame: Frame
    dots: Dots

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[PointerPlaced]:
        speaker(live_session, self.participant_id, context)
        picture_of(live_session, self.track_id)
        yield PointerPlaced(
            track_id=self.track_id, participant_id=self.participant_id, frame=self.frame, dots=self.dots
        )


class DrawStroke(Command, of=LiveSession, by=AT_THE_PICTURE):
    """Draw on a picture, and say what it is."""

    live_session_id: UUID
    stroke_id: UUID
    track_id: UUID
    participant_id: UUID
    frame: Frame
    shape: Shape
    dots: Dots
    label: ClinicalText | None = None

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[StrokeDrawn]:
        speaker(live_session, self.participant_id, context)
        track = picture_of(live_session, self.track_id)
        if self.stroke_id in track.strokes:
            raise StrokeAlreadyDrawn()
        if len(track.strokes) >= MOST_STROKES:
            raise TooManyStrokes(most=MOST_STROKES)
        yield StrokeDrawn(
            stroke_id=self.stroke_id,
            track_id=self.track_id,
            participant_id=self.participant_id,
            frame=self.frame,
            shape=self.shape,
            dots=self.dots,
            label=self.label,
        )


class ClearStrokes(Command, of=LiveSession, by=AT_THE_PICTURE):
    """Take drawings off a picture: those that are named, or all."""

    live_session_id: UUID
    track_id: UUID
    participant_id: UUID
    stroke_ids: Annotated[tuple[UUID, ...], Field(max_length=MOST_STROKES)] = ()

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[StrokesCleared]:
        speaker(live_session, self.participant_id, context)
        track = picture_of(live_session, self.track_id)
        for stroke_id in self.stroke_ids:
            if stroke_id not in track.strokes:
                raise NoSuchStroke(stroke=stroke_id)
        cleared = self.stroke_ids or tuple(sorted(track.strokes))
        if cleared:
            yield StrokesCleared(track_id=self.track_id, participant_id=self.participant_id, stroke_ids=cleared)


class RecordStill(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a still of an ultrasound was stored; it then becomes an image of the examination by itself."""

    live_session_id: UUID
    image_id: UUID
    track_id: UUID
    image: MediaBlob
    frame: Frame
    origin: StillOrigin
    lossless: bool
    measured: LinkQuality
    asked_by: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[StillCaptured]:
        track = picture_of(live_session, self.track_id)
        if track.ultrasound is None:
            raise NoUltrasoundHere(field="track_id")
        if self.image_id in live_session.stills:
            raise EvidenceAlreadyRecorded(id=self.image_id)
        if Destination.STILL in track.ultrasound.withheld_from:
            raise PictureWithheld(destination=Destination.STILL)
        yield StillCaptured(
            image_id=self.image_id,
            track_id=self.track_id,
            examination_id=track.ultrasound.examination_id,
            device_id=track.ultrasound.device_id,
            image=self.image,
            frame=self.frame,
            origin=self.origin,
            lossless=self.lossless,
            measured=self.measured,
            diagnostic=context.reference.diagnostic_quality(self.measured, context.day),
            asked_by=self.asked_by,
            stroke_ids=tuple(sorted(track.strokes)),
        )
