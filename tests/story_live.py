"""The rooms of the story: who comes into that of the consultation, and an examination with all that a room can see."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from commands.consent import GiveConsent, WithdrawConsent
from commands.examination import AbortExamination, ConnectDevice, OrderExamination, StartExamination
from commands.live_session import (
    JoinLiveSession,
    RecordParticipantJoined,
    RecordParticipantLeft,
    RecordParticipantLost,
    RecordRoomPlaced,
    RecordRoomReleased,
    RecordTransportChanged,
    RecordWorkerLost,
    UltrasoundToShow,
)
from commands.live_session_picture import (
    ClearStrokes,
    DrawStroke,
    FreezePicture,
    PlacePointer,
    RecordStill,
    ReleasePicture,
)
from commands.live_session_recording import (
    AuthoriseRecording,
    ConsentToRecording,
    ExportRecording,
    RecordFirstBytes,
    RecordRecordingEnded,
    RecordRecordingFailed,
    RecordRecordingGap,
    RecordRecordingSealed,
    RecordRecordingStarted,
    RecordRecordingViewed,
    RefuseRecording,
    StopRecording,
    WithdrawRecordingConsent,
)
from commands.live_session_talk import (
    MuteParticipant,
    PostMessage,
    ReadmitParticipant,
    RemoveParticipant,
    UnmuteParticipant,
)
from commands.live_session_tracks import (
    HidePerson,
    RecordDiagnosticQuality,
    RecordQualityStep,
    RecordTrackEnded,
    RecordTrackPublished,
    ShowPerson,
)
from domain._kernel import Actor
from domain._live import (
    Dot,
    FailureCause,
    Frame,
    GapCause,
    LegQuality,
    Rung,
    Shape,
    Source,
    StepCause,
    StillOrigin,
    StopCause,
    TrackEnd,
    Transport,
)
from domain._live_session import LiveSession
from domain._sharing import LegalGround, SharingBasis
from domain._values import Blob, ConsultationKind, Period
from domain.consent import Manner, Purpose
from tests.history import called
from tests.story_network import (
    AT,
    BACH_MAI,
    CONSULTATION,
    DUNG,
    GOOD_LINE,
    MAY,
    NGA,
    PATIENT_OF_SA_PA,
    SA_PA,
    SPECIALITY,
)
from tests.storyteller import SYSTEM, Story

ROOM = LiveSession.of(CONSULTATION)
SCANNED = called("an examination with a room of its own")
ROOM_OF_SCAN = LiveSession.of(SCANNED)
# No worker that runs has this name: it would take these for earlier runs of its own, and say that they are lost.
WORKER = "media-of-the-story"
RUN, NEXT_RUN = called("the first run of the media worker"), called("its next run")
PROBE, SCAN, RECORDING = called("probe of Sa Pa"), called("scan of Sa Pa"), called("recording of the scan")
LIVE_STILL = called("a live still")
GOOD_LEG = LegQuality(**GOOD_LINE.model_dump(), rtt_ms=50, jitter_ms=4)
POOR_LEG = GOOD_LEG.model_copy(update={"bitrate_kbps": 600, "loss_percent": Decimal("6.5"), "rtt_ms": 410})
OVER_UDP = Transport(path="direct", protocol="udp", cipher="AES_256_GCM", setup_ms=180)
BY_A_RELAY = OVER_UDP.model_copy(update={"path": "relay", "rtt_ms": 70})
DOTS = (Dot(x=Decimal("0.31"), y=Decimal("0.42")), Dot(x=Decimal("0.36"), y=Decimal("0.47"), at_ms=120))


def seat_of(person: UUID) -> UUID:
    return called(f"seat of {person}")


def track_of(person: UUID, source: Source) -> UUID:
    return called(f"{source} of {person}")


def publish(room: UUID, person: UUID, source: Source, track_id: UUID | None = None) -> RecordTrackPublished:
    picture = source is not Source.AUDIO
    return RecordTrackPublished(
        live_session_id=room,
        track_id=track_id or track_of(person, source),
        participant_id=seat_of(person),
        source=source,
        codec="VP8" if picture else "opus",
        width=1280 if picture else 0,
        height=720 if picture else 0,
    )


def joined(room: UUID, person: UUID, run_id: UUID = RUN) -> RecordParticipantJoined:
    return RecordParticipantJoined(
        live_session_id=room, participant_id=seat_of(person), run_id=run_id, transport=OVER_UDP
    )


def stepped(person: UUID, rung: Rung, measured: LegQuality) -> RecordQualityStep:
    cause = StepCause.LOSS if measured is POOR_LEG else StepCause.RECOVERED
    return RecordQualityStep(
        live_session_id=ROOM, participant_id=seat_of(person), rung=rung, cause=cause, measured=measured
    )


async def people_come_into_the_room(story: Story) -> None:
    """All three points show themselves; Sa Pa's way goes down a rung and up again, its line drops and comes back."""
    for person in (NGA, DUNG, MAY):
        point = person is not NGA
        join = JoinLiveSession(
            participant_id=seat_of(person), consultation_id=CONSULTATION, equipment_of_the_point=point
        )
        await story.tell(AT[person], join)
    await story.tell(SYSTEM, RecordRoomPlaced(live_session_id=ROOM, worker=WORKER, run_id=RUN))
    for person in (NGA, DUNG, MAY):
        await story.tell(
            SYSTEM,
            joined(ROOM, person),
            publish(ROOM, person, Source.CAMERA),
            publish(ROOM, person, Source.AUDIO),
        )
    lost = RecordParticipantLost(live_session_id=ROOM, participant_id=seat_of(MAY))
    await story.tell(
        SYSTEM,
        stepped(MAY, Rung.LOW, POOR_LEG),
        stepped(MAY, Rung.TWO_WAY_HD, GOOD_LEG),
        lost,
        joined(ROOM, MAY),
        publish(ROOM, MAY, Source.CAMERA, called("camera of Sa Pa again")),
    )


# An examination with a room of its own -----------------------------------------------------------------------


async def an_examination_is_seen_live(story: Story) -> None:
    """Sa Pa shows an ultrasound to Bạch Mai: measured, drawn on, and recorded as long as there is consent."""
    await _the_room_of_the_examination(story)
    await _the_picture_is_discussed(story)
    await _the_room_is_kept_in_order(story)
    await _the_picture_is_recorded(story)
    await _the_worker_is_lost(story)
    await story.tell(AT[MAY], AbortExamination(examination_id=SCANNED, reason="Mất điện tại điểm cầu."))


async def _the_room_of_the_examination(story: Story) -> None:
    ground = SharingBasis(ground=LegalGround.LIFE_OR_HEALTH_IN_DANGER, explanation="Nguy kịch.")
    await story.tell(
        AT[MAY],
        OrderExamination(
            examination_id=SCANNED,
            patient_id=PATIENT_OF_SA_PA,
            point_id=SA_PA,
            remote_facility_id=BACH_MAI,
            remote_doctor_id=NGA,
            kind=ConsultationKind.TELE_IMAGING,
            speciality=SPECIALITY,
            sharing=ground,
        ),
        StartExamination(examination_id=SCANNED),
        ConnectDevice(examination_id=SCANNED, device_id=PROBE, device_kind="US", maker="A maker of scanners"),
        JoinLiveSession(participant_id=seat_of(MAY), examination_id=SCANNED),
        JoinLiveSession(
            participant_id=seat_of(MAY),
            examination_id=SCANNED,
            ultrasound=UltrasoundToShow(examination_id=SCANNED, device_id=PROBE),
        ),
    )
    await story.tell(AT[NGA], JoinLiveSession(participant_id=seat_of(NGA), examination_id=SCANNED))
    await story.tell(
        SYSTEM,
        RecordRoomPlaced(live_session_id=ROOM_OF_SCAN, worker=WORKER, run_id=RUN),
        joined(ROOM_OF_SCAN, MAY),
        joined(ROOM_OF_SCAN, NGA),
        publish(ROOM_OF_SCAN, MAY, Source.ULTRASOUND, SCAN),
        publish(ROOM_OF_SCAN, NGA, Source.CAMERA),
        RecordDiagnosticQuality(live_session_id=ROOM_OF_SCAN, track_id=SCAN, measured=GOOD_LEG),
        RecordDiagnosticQuality(live_session_id=ROOM_OF_SCAN, track_id=SCAN, measured=POOR_LEG),
    )


async def _the_picture_is_discussed(story: Story) -> None:
    frame = Frame(rtp_timestamp=2_700_000, taken_at=story.now)
    stroke_id = called("calliper on the scan")
    here: dict[str, UUID] = {"live_session_id": ROOM_OF_SCAN, "track_id": SCAN, "participant_id": seat_of(NGA)}
    await story.tell(
        AT[NGA],
        FreezePicture(**here, frame=frame),
        PlacePointer(**here, frame=frame, dots=DOTS),
        DrawStroke(**here, stroke_id=stroke_id, frame=frame, shape=Shape.CALLIPER, dots=DOTS, label="IVC 21 mm"),
    )
    still = RecordStill(
        live_session_id=ROOM_OF_SCAN,
        image_id=LIVE_STILL,
        track_id=SCAN,
        image=Blob(sha256="ef" * 32, media_type="image/png", size=340_000),
        frame=frame,
        origin=StillOrigin.SENDING_BROWSER,
        lossless=True,
        measured=GOOD_LINE,
        asked_by=NGA,
    )
    await story.tell(SYSTEM, still)
    await story.tell(AT[NGA], ClearStrokes(**here, stroke_ids=(stroke_id,)), ReleasePicture(**here))


async def _the_room_is_kept_in_order(story: Story) -> None:
    """Bạch Mai writes, asks for silence, and sends somebody out who had the wrong door."""
    room: dict[str, UUID] = {"live_session_id": ROOM_OF_SCAN}
    may: dict[str, UUID] = {**room, "participant_id": seat_of(MAY)}
    question = "Tĩnh mạch chủ dưới có xẹp khi hít vào không?"
    await story.tell(
        AT[NGA],
        PostMessage(**room, message_id=called("a question"), participant_id=seat_of(NGA), text=question),
        MuteParticipant(**may),
        UnmuteParticipant(**may),
        RemoveParticipant(**may, reason="Nhầm phòng."),
        ReadmitParticipant(**may),
    )


async def _the_picture_is_recorded(story: Story) -> None:
    consent_id, nurse = called("consent to the recording"), called("a nurse who comes into the picture")
    on_scan: dict[str, UUID] = {"live_session_id": ROOM_OF_SCAN, "track_id": SCAN, "person_id": PATIENT_OF_SA_PA}
    await story.tell(
        AT[MAY],
        RefuseRecording(**on_scan),
        GiveConsent(
            consent_id=consent_id,
            patient_id=PATIENT_OF_SA_PA,
            purpose=Purpose.RECORDING,
            template_sha256="7e" * 32,
            manner=Manner.WRITTEN,
        ),
        ConsentToRecording(**on_scan, consent_id=consent_id),
        ShowPerson(live_session_id=ROOM_OF_SCAN, track_id=SCAN, person_id=nurse),
        HidePerson(live_session_id=ROOM_OF_SCAN, track_id=SCAN, person_id=nurse),
    )
    await _recorded(story, AT[NGA], RECORDING)
    it: dict[str, UUID] = {"live_session_id": ROOM_OF_SCAN, "recording_id": RECORDING}
    gap = Period(start=story.now - timedelta(seconds=2), end=story.now)
    await story.tell(SYSTEM, RecordRecordingGap(**it, track_id=SCAN, gap=gap, cause=GapCause.PACKETS_LOST))
    await story.tell(AT[NGA], StopRecording(**it))
    sealed = Blob(sha256="0d" * 32, media_type="application/octet-stream", size=9_400_000)
    await story.tell(
        SYSTEM,
        RecordRecordingSealed(**it, recording=sealed, duration_ms=120_000, key_id="k1"),
        RecordRecordingViewed(**it, person_id=NGA),
    )
    await story.tell(AT[NGA], ExportRecording(**it, exported=sealed, reason="Đào tạo, có sự đồng ý."))
    await _recordings_go_wrong(story)
    await story.tell(AT[MAY], WithdrawRecordingConsent(**on_scan), ConsentToRecording(**on_scan, consent_id=consent_id))
    await _recorded(story, AT[NGA], called("a recording whose consent is withdrawn at the desk"))
    await story.tell(AT[MAY], WithdrawConsent(consent_id=consent_id, reason="Người bệnh đổi ý."))


async def _recordings_go_wrong(story: Story) -> None:
    broken = called("a recording without bytes")
    await story.tell(AT[NGA], AuthoriseRecording(live_session_id=ROOM_OF_SCAN, recording_id=broken, track_ids=(SCAN,)))
    await story.tell(
        SYSTEM,
        RecordRecordingFailed(
            live_session_id=ROOM_OF_SCAN,
            recording_id=broken,
            cause=FailureCause.NO_BYTES,
            detail="10 s không có dữ liệu",
        ),
    )
    ended = called("a recording that ends by itself")
    await _recorded(story, AT[NGA], ended)
    await story.tell(
        SYSTEM,
        RecordRecordingEnded(live_session_id=ROOM_OF_SCAN, recording_id=ended, cause=StopCause.RECORDER_LOST),
    )


async def _recorded(story: Story, by: Actor, recording_id: UUID) -> None:
    it: dict[str, UUID] = {"live_session_id": ROOM_OF_SCAN, "recording_id": recording_id}
    await story.tell(by, AuthoriseRecording(**it, track_ids=(SCAN,)))
    await story.tell(SYSTEM, RecordRecordingStarted(**it), RecordFirstBytes(**it))


async def _the_worker_is_lost(story: Story) -> None:
    await story.tell(
        SYSTEM,
        RecordTrackEnded(
            live_session_id=ROOM_OF_SCAN, track_id=track_of(NGA, Source.CAMERA), cause=TrackEnd.UNPUBLISHED
        ),
        RecordTransportChanged(
            live_session_id=ROOM_OF_SCAN, participant_id=seat_of(NGA), run_id=RUN, transport=BY_A_RELAY
        ),
        RecordWorkerLost(live_session_id=ROOM_OF_SCAN, run_id=RUN),
        RecordRoomPlaced(live_session_id=ROOM_OF_SCAN, worker=WORKER, run_id=NEXT_RUN),
        joined(ROOM_OF_SCAN, NGA, NEXT_RUN),
        RecordParticipantLeft(live_session_id=ROOM_OF_SCAN, participant_id=seat_of(NGA)),
        RecordRoomReleased(live_session_id=ROOM_OF_SCAN, run_id=NEXT_RUN),
    )
