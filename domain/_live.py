"""What a live session is made of, in values: who takes part, what is shown, how good the way is, what is recorded."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from domain._kernel import Value
from domain._leaving import Leaves
from domain._values import MEASURED, Code, Count, LinkQuality


class ParticipantKind(StrEnum):
    """The room equipment of a point, a practitioner's own device, or the patient's side."""

    POINT = "point"
    PRACTITIONER = "practitioner"
    PATIENT_SIDE = "patient_side"


class Part(StrEnum):
    """Speakers show and are heard; observers watch, publish nothing and point at nothing."""

    SPEAKER = "speaker"
    OBSERVER = "observer"


class Departure(StrEnum):
    LEFT = "left"
    REMOVED = "removed"
    SESSION_CLOSED = "session_closed"


class LossCause(StrEnum):
    """Why somebody is gone without having left."""

    LINE_SILENT = "line_silent"
    WORKER_LOST = "worker_lost"


class Source(StrEnum):
    """What a track shows or lets hear: people, what a screen plays, and what an ultrasound device sees and hears."""

    CAMERA = "camera"
    ULTRASOUND = "ultrasound"
    SCREEN = "screen"
    AUDIO = "audio"
    SCREEN_SOUND = "screen_sound"
    DOPPLER = "doppler"

    @property
    def is_picture(self) -> bool:
        return self in (Source.CAMERA, Source.ULTRASOUND, Source.SCREEN)

    @property
    def is_of_the_device(self) -> bool:
        return self in (Source.ULTRASOUND, Source.DOPPLER)


class TrackEnd(StrEnum):
    UNPUBLISHED = "unpublished"
    LINE_LOST = "line_lost"
    REPLACED = "replaced"
    WORKER_LOST = "worker_lost"
    SESSION_CLOSED = "session_closed"


class Rung(StrEnum):
    """The rungs of the degradation ladder, the best first (Barbier 2012): sound outlives the picture."""

    TWO_WAY_HD = "two_way_hd"
    LOW = "low"
    AUDIO = "audio"
    CHAT_AND_STILLS = "chat_and_stills"

    @property
    def place(self) -> int:
        """0 is the best."""
        return list(Rung).index(self)

    def is_beside(self, other: Rung) -> bool:
        return abs(self.place - other.place) == 1


class StepCause(StrEnum):
    """What was measured that made the step, or that somebody asked for it."""

    LOSS = "loss"
    DELAY = "delay"
    JITTER = "jitter"
    BITRATE = "bitrate"
    FRAMES = "frames"
    RECOVERED = "recovered"
    ASKED = "asked"


class PictureCategory(StrEnum):
    """What a picture shows, as far as the law asks where it may go."""

    GENERAL = "general"
    OBSTETRIC = "obstetric"


class Destination(StrEnum):
    """Where a picture can go: the live picture to three kinds of people, and what is kept of it."""

    CLINICIAN = "clinician"
    OBSERVER = "observer"
    PATIENT_SIDE = "patient_side"
    STILL = "still"
    RECORDING = "recording"
    EXPORT = "export"


class Shape(StrEnum):
    """What a drawing is; a calliper measures between its two ends."""

    FREEHAND = "freehand"
    LINE = "line"
    ARROW = "arrow"
    ELLIPSE = "ellipse"
    CALLIPER = "calliper"


class StillOrigin(StrEnum):
    """The next key frame of the stream, decoded, or the picture as the sending browser held it."""

    KEY_FRAME = "key_frame"
    SENDING_BROWSER = "sending_browser"


class RecordingStatus(StrEnum):
    AUTHORISED = "authorised"
    STARTED = "started"
    STOPPED = "stopped"
    SEALED = "sealed"
    FAILED = "failed"


class StopCause(StrEnum):
    ASKED = "asked"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PERSON_WITHOUT_CONSENT = "person_without_consent"
    TRACKS_ENDED = "tracks_ended"
    RECORDER_LOST = "recorder_lost"
    SESSION_CLOSED = "session_closed"


class GapCause(StrEnum):
    PACKETS_LOST = "packets_lost"
    LINE_SILENT = "line_silent"
    RECORDER_LOST = "recorder_lost"
    RECORDER_OVERRUN = "recorder_overrun"
    WORKER_LOST = "worker_lost"
    PICTURE_UNSTEADY = "picture_unsteady"


class FailureCause(StrEnum):
    """Why there will be no good recording; each is an alarm."""

    NOT_STARTED = "not_started"
    NO_BYTES = "no_bytes"
    STORE_REFUSES = "store_refuses"
    NO_KEY = "no_key"


# Where somebody pointed, and in which frame, tells an analyst nothing that a report could rest on.
Fraction = Annotated[Decimal, Field(ge=0, le=1), MEASURED, Leaves.DROPPED]
RtpTime = Annotated[int, Field(ge=0, lt=2**32), Leaves.DROPPED]


class LegQuality(LinkQuality):
    """A leg of the way as measured over some seconds. `delay_ms` one way is half the round trip `rtt_ms`."""

    rtt_ms: Annotated[Count, Field(ge=0)]
    jitter_ms: Annotated[Count, Field(ge=0)] = 0


class Transport(Value):
    """How a connection goes, without any address: direct or by a relay, over what, how it is sealed, how long it took.

    `cipher` is that of the handshake by `dtls`, `srtp_profile` what seals sound and picture; `rtt_ms` is how far the
    participant is from the worker.
    """

    path: Code
    protocol: Code
    cipher: Code
    setup_ms: Annotated[Count, Field(ge=0)]
    dtls: Code | None = None
    srtp_profile: Code | None = None
    rtt_ms: Annotated[Count, Field(ge=0)] | None = None


class Frame(Value):
    """A moment of a picture: the RTP time stamp of its frame, and the sender's clock as RTCP maps it."""

    rtp_timestamp: RtpTime
    taken_at: AwareDatetime


class Dot(Value):
    """A place in the picture, from 0 to 1 right and down, and how many ms after the first dot it was touched."""

    x: Fraction
    y: Fraction
    at_ms: Annotated[Count, Field(ge=0)] = 0


class Ultrasound(Value):
    """The device behind an ultrasound picture, and where this picture may not go by the rules of the day."""

    examination_id: UUID
    device_id: UUID
    patient_id: UUID
    category: PictureCategory
    withheld_from: tuple[Destination, ...]
