"""Histories that could have happened, drawn at random: referrals, examinations, consultations, points; late entries.

For what a report and a view have to agree on, whatever happened: each stream follows its lifecycle, the streams are
interleaved, and what was recorded may have happened long before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain._kernel import Event, Recorded
from domain._points import PointRole
from domain._values import Blob, ConsultationKind, LinkQuality, Tier, Urgency
from domain.consultation import ConsultationCancelled, ConsultationOpened, PointJoined
from domain.examination import (
    DeviceConnected,
    ExaminationAborted,
    ExaminationOrdered,
    ExaminationStarted,
    ImageCaptured,
)
from domain.facility import FacilityRegistered, PointConnected, PointRestored, PointSuspended
from domain.referral import (
    OutcomeReported,
    PatientOutcome,
    ReferralAccepted,
    ReferralAnswered,
    ReferralAnswerOverdue,
    ReferralCancelled,
    ReferralDrafted,
    ReferralReturned,
)
from tests.history import History, called
from tests.projections.test_consultation_board import planned
from tests.projections.test_referral_inbox import request, submission

BEGINS = datetime(2020, 6, 15, tzinfo=UTC)
POINTS = [called("Bach Mai"), called("Sa Pa"), called("Viet Duc")]
PROVINCES = (("01", "Hà Nội"), ("10", "Lào Cai"), ("01", "Hà Nội"))
OUTCOME = OutcomeReported(outcome=PatientOutcome.IMPROVED, advice_followed=True, report="Ổn định.")
ANSWERED = ReferralAnswered(answer="Can thiệp.", answered_by=called("Dr Nga"))


def lapse(number: int) -> ReferralAnswerOverdue:
    sent = submission(number=number)
    return ReferralAnswerOverdue(
        submission=number,
        answer_due_at=sent.answer_due_at,
        asking_facility_id=sent.asking_facility_id,
        receiving_facility_id=sent.receiving_facility_id,
        urgency=sent.urgency,
    )


@st.composite
def referral(draw: st.DrawFn) -> list[Event]:
    drafted = ReferralDrafted(
        patient_id=called("a patient"), asking_facility_id=POINTS[1], request=request(draw(st.sampled_from(Urgency)))
    )
    told: list[Event] = [drafted]
    for number in range(1, draw(st.integers(0, 3)) + 1):
        told.append(
            submission(draw(st.sampled_from(Urgency)), number, to=draw(st.sampled_from([POINTS[0], POINTS[2]])))
        )
        told += [lapse(number)] if draw(st.booleans()) else []
        told += [
            ReferralReturned(reason="Sai chuyên khoa", suggested_speciality=draw(st.sampled_from([None, "stroke"])))
        ]
    ends: list[list[Event]] = [[]]
    if len(told) > 1:
        told.pop()
        accepted = ReferralAccepted()
        ends += [[accepted], [accepted, ANSWERED], [ANSWERED], [ANSWERED, OUTCOME], [accepted, ANSWERED, OUTCOME]]
    ends.append([ReferralCancelled(reason="Người bệnh ra viện.")])
    return told + draw(st.sampled_from(ends))


@st.composite
def examination(draw: st.DrawFn) -> list[Event]:
    ordered = ExaminationOrdered(
        patient_id=called("a patient"),
        point_id=draw(st.sampled_from(POINTS[1:])),
        remote_facility_id=POINTS[0],
        remote_doctor_id=called("Dr Nga"),
        kind=ConsultationKind.TELE_IMAGING,
        speciality="cardiology",
    )
    device = DeviceConnected(device_id=called("device"), device_kind=draw(st.sampled_from(["US", "ECG"])), maker="M")
    images = [_image(draw, number) for number in range(draw(st.integers(0, 3)))]
    aborted = [ExaminationAborted(reason="Máy hỏng.")] if draw(st.booleans()) else []
    told: list[Event] = [ordered, ExaminationStarted(), device, *images, *aborted]
    return told[: draw(st.integers(1, len(told)))]


def _image(draw: st.DrawFn, number: int) -> ImageCaptured:
    measured = LinkQuality(
        bitrate_kbps=draw(st.integers(0, 20_000)),
        delay_ms=draw(st.integers(0, 900)),
        loss_percent=Decimal(draw(st.integers(0, 10_000))) / 1000,
    )
    return ImageCaptured(
        image_id=called(f"image {number}"),
        device_id=called("device"),
        image=Blob(sha256="ab" * 32, media_type="image/png", size=1),
        frame_at=BEGINS,
        measured=measured,
        diagnostic=draw(st.booleans()),
    )


@st.composite
def consultation(draw: st.DrawFn) -> list[Event]:
    joined = PointJoined(facility_id=POINTS[1], role=PointRole.BRIDGE_POINT, place=2, rejoined=False)
    told: list[Event] = [planned(), ConsultationOpened()]
    told += draw(st.sampled_from([[], [joined], [ConsultationCancelled(reason="Mất điện.")]]))
    return told[: draw(st.integers(1, len(told)))]


@st.composite
def steps(draw: st.DrawFn) -> list[Event]:
    told: list[Event] = [PointConnected()]
    for _ in range(draw(st.integers(0, 2))):
        told += [PointSuspended(reason="Bão."), PointRestored()]
    return told[: draw(st.integers(0, len(told)))]


@st.composite
def histories(draw: st.DrawFn) -> Sequence[Recorded]:
    """Up to twelve streams, interleaved; each event happened up to 90 days before it was recorded."""
    history = History(BEGINS)
    for facility, (code, province) in zip(POINTS, PROVINCES, strict=True):
        registered = FacilityRegistered(
            national_code=code, name_vi=str(facility), tier=Tier.DISTRICT, province_code=code, province=province
        )
        history.happened(facility, registered)
    one_of: list[Any] = [referral(), examination(), consultation()]
    streams: list[tuple[UUID, list[Event]]] = [
        (called(f"stream {number}"), list(draw(st.one_of(one_of)))) for number in range(draw(st.integers(0, 9)))
    ]
    streams += [(facility, list(draw(steps()))) for facility in POINTS]
    while streams := [(stream, told) for stream, told in streams if told]:
        stream, told = draw(st.sampled_from(streams))
        recorded = BEGINS + timedelta(days=2 * len(history.events))
        happened = recorded - timedelta(minutes=draw(st.sampled_from([0, 1, 600, 129_600])))
        history.happened(stream, told.pop(0), at=happened, recorded=recorded)
    return history.events
