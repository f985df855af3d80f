"""A small launch day, told with the real commands: three hospitals, two patients, one consultation.

Whoever needs a history that could really have happened takes it from here: `await launch_day(Story(store))`, on the
log in memory or on PostgreSQL. The chapters are told in their order, as far as they are needed. All names are
invented but those of the hospitals, and every id follows from a name, so that the same story has the same ids.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from commands.consent import RequestSharing
from commands.consultation import (
    ConfirmPoint,
    GiveFloor,
    InvitePoint,
    JoinPoint,
    LeavePoint,
    OpenConsultation,
    PlanConsultation,
)
from commands.consultation_minutes import (
    CloseConsultation,
    ConcludeIssue,
    GiveOpinion,
    PresentCase,
    RaiseIssue,
    SignMinutes,
)
from commands.examination import (
    CaptureImage,
    ConnectDevice,
    DisconnectDevice,
    OrderExamination,
    RecordObservation,
    StartExamination,
)
from commands.examination_assessment import (
    MakeDiagnosis,
    OrderTreatment,
    RecordAssessment,
    SignExamination,
    TakeDecision,
)
from commands.referral import AcceptReferral, DraftReferral, ScheduleReferral, SubmitReferral
from commands.referral_answer import ReportOutcome
from domain._kernel import Actor
from domain._points import GuestRole, LeaveReason
from domain._sharing import LegalGround, SharingBasis
from domain._values import (
    Blob,
    Coding,
    ConsultationKind,
    Period,
    Quantity,
    RemoteMode,
    Urgency,
)
from domain.consultation import ConsultationClosed
from domain.examination import Examination
from domain.referral import PatientOutcome, Request
from tests.history import called
from tests.story_live import people_come_into_the_room
from tests.story_network import (
    AT,
    BACH_MAI,
    CONSULTATION,
    DUNG,
    EXAMINATION,
    GOOD_LINE,
    HIEU,
    MAY,
    NGA,
    PATIENT_OF_SA_PA,
    PATIENT_OF_THAI_NGUYEN,
    REFERRAL_OF_SA_PA,
    REFERRAL_OF_THAI_NGUYEN,
    SA_PA,
    SHARING_REQUEST,
    SPECIALITY,
    THAI_NGUYEN,
    THE_DAY,
    WEAK_LINE,
    the_network_is_built,
)
from tests.storyteller import Story


async def the_patients_are_referred(story: Story) -> None:
    """Both points ask Bạch Mai for help, one on a legal ground and one on the patient's own request."""
    ground = SharingBasis(ground=LegalGround.LIFE_OR_HEALTH_IN_DANGER, explanation="Sốc tim, cần hội chẩn ngay.")
    await refer(story, AT[DUNG], REFERRAL_OF_THAI_NGUYEN, PATIENT_OF_THAI_NGUYEN, Urgency.EMERGENCY, ground)
    await story.tell(
        AT[MAY],
        RequestSharing(
            consent_id=SHARING_REQUEST,
            patient_id=PATIENT_OF_SA_PA,
            receiving_facility_id=BACH_MAI,
            document_sha256="5a" * 32,
            expires_at=THE_DAY.end + timedelta(days=30),
        ),
    )
    request = SharingBasis(consent_id=SHARING_REQUEST)
    await refer(story, AT[MAY], REFERRAL_OF_SA_PA, PATIENT_OF_SA_PA, Urgency.URGENT, request)
    for referral_id in (REFERRAL_OF_THAI_NGUYEN, REFERRAL_OF_SA_PA):
        await story.tell(AT[NGA], AcceptReferral(referral_id=referral_id))


async def refer(
    story: Story, by: Actor, referral_id: UUID, patient_id: UUID, urgency: Urgency, sharing: SharingBasis
) -> None:
    request = Request(
        receiving_facility_id=BACH_MAI,
        speciality=SPECIALITY,
        urgency=urgency,
        question="Người bệnh có cần can thiệp mạch vành ngay không?",
        history="Tăng huyết áp mười năm, đau ngực trái lan lên vai từ hai giờ sáng nay.",
        findings="Huyết áp 90/60, mạch 110, men tim tăng cao.",
        sharing=sharing,
    )
    await story.tell(
        by,
        DraftReferral(referral_id=referral_id, patient_id=patient_id, request=request),
        SubmitReferral(referral_id=referral_id),
    )


async def the_consultation_opens(story: Story) -> None:
    """Bạch Mai plans, both points confirm and join, and the referrals have their time."""
    period = Period(start=story.now + timedelta(minutes=20), end=story.now + timedelta(hours=4))
    await story.tell(
        AT[HIEU],
        PlanConsultation(
            consultation_id=CONSULTATION,
            kind=ConsultationKind.CONSULTATION,
            mode=RemoteMode.REMOTE_CONSULTATION,
            title="Hội chẩn tim mạch ngày khai trương",
            speciality=SPECIALITY,
            period=period,
            centre_id=BACH_MAI,
            responsible_id=HIEU,
            chair_id=NGA,
            teaching=True,
        ),
        *(
            InvitePoint(consultation_id=CONSULTATION, facility_id=point, role=GuestRole.BRIDGE_POINT)
            for point in (THAI_NGUYEN, SA_PA)
        ),
    )
    for referral_id in (REFERRAL_OF_THAI_NGUYEN, REFERRAL_OF_SA_PA):
        scheduled = ScheduleReferral(referral_id=referral_id, period=period, consultation_id=CONSULTATION)
        await story.tell(AT[NGA], scheduled)
    for by, point in ((AT[DUNG], THAI_NGUYEN), (AT[MAY], SA_PA)):
        await story.tell(by, ConfirmPoint(consultation_id=CONSULTATION, facility_id=point))
    await story.tell(AT[NGA], OpenConsultation(consultation_id=CONSULTATION))
    for by, point in ((AT[DUNG], THAI_NGUYEN), (AT[MAY], SA_PA)):
        await story.tell(by, JoinPoint(consultation_id=CONSULTATION, facility_id=point))


async def the_cases_are_discussed(story: Story) -> None:
    """Each point presents its patient; Sa Pa's line drops while it has the floor, and comes back to its place."""
    for by, point, patient_id, referral_id in (
        (AT[DUNG], THAI_NGUYEN, PATIENT_OF_THAI_NGUYEN, REFERRAL_OF_THAI_NGUYEN),
        (AT[MAY], SA_PA, PATIENT_OF_SA_PA, REFERRAL_OF_SA_PA),
    ):
        case_id, issue_id = case_of(point), issue_of(point)
        await story.tell(AT[NGA], GiveFloor(consultation_id=CONSULTATION, facility_id=point))
        await story.tell(
            by,
            PresentCase(
                consultation_id=CONSULTATION,
                case_id=case_id,
                patient_id=patient_id,
                summary="Đau ngực cấp, điện tim có ST chênh lên.",
                referral_id=referral_id,
            ),
            RaiseIssue(
                consultation_id=CONSULTATION, issue_id=issue_id, case_id=case_id, question="Can thiệp ngay không?"
            ),
        )
        for speaker in (AT[HIEU], by):
            opinion = "Nên chụp mạch vành trong hai giờ tới."
            await story.tell(
                speaker,
                GiveOpinion(consultation_id=CONSULTATION, issue_id=issue_id, speciality=SPECIALITY, opinion=opinion),
            )
    await story.tell(
        AT[MAY],
        LeavePoint(consultation_id=CONSULTATION, facility_id=SA_PA, reason=LeaveReason.LINE_LOST),
        JoinPoint(consultation_id=CONSULTATION, facility_id=SA_PA),
    )
    for point in (THAI_NGUYEN, SA_PA):
        conclusion = "Chuyển can thiệp mạch vành cấp cứu."
        await story.tell(
            AT[NGA], ConcludeIssue(consultation_id=CONSULTATION, issue_id=issue_of(point), conclusion=conclusion)
        )


def case_of(point: UUID) -> UUID:
    return called(f"case of {point}")


def issue_of(point: UUID) -> UUID:
    return called(f"issue of {point}")


async def the_patient_is_examined(story: Story) -> None:
    """The patient of Thái Nguyên is examined with an ultrasound device; the local doctor decides and treats."""
    await story.tell(
        AT[DUNG],
        OrderExamination(
            examination_id=EXAMINATION,
            patient_id=PATIENT_OF_THAI_NGUYEN,
            point_id=THAI_NGUYEN,
            remote_facility_id=BACH_MAI,
            remote_doctor_id=NGA,
            kind=ConsultationKind.TELE_IMAGING,
            speciality=SPECIALITY,
            referral_id=REFERRAL_OF_THAI_NGUYEN,
            consultation_id=CONSULTATION,
        ),
        StartExamination(examination_id=EXAMINATION),
        ConnectDevice(
            examination_id=EXAMINATION, device_id=called("ultrasound"), device_kind="US", maker="A maker of scanners"
        ),
        RecordObservation(
            examination_id=EXAMINATION,
            observation_id=called("heart rate"),
            code=Coding(system="loinc", version="2.68", code="8867-4", display="Heart rate"),
            value=Quantity(value=Decimal(110), unit="/min"),
        ),
    )
    for name, line in (("clear", GOOD_LINE), ("blurred", WEAK_LINE)):
        image = Blob(sha256=("ab" if name == "clear" else "cd") * 32, media_type="image/png", size=210_000)
        await story.tell(
            AT[DUNG],
            CaptureImage(
                examination_id=EXAMINATION,
                image_id=called(f"{name} image"),
                device_id=called("ultrasound"),
                image=image,
                frame_at=story.now,
                measured=line,
            ),
        )
    await the_examination_is_signed(story)


async def the_examination_is_signed(story: Story) -> None:
    infarction = Coding(system="icd-10", version="2019", code="I21.0", display="Nhồi máu cơ tim cấp thành trước")
    await story.tell(
        AT[NGA],
        RecordAssessment(
            examination_id=EXAMINATION, findings="Giảm vận động thành trước.", advice="Can thiệp trong hai giờ."
        ),
        MakeDiagnosis(examination_id=EXAMINATION, coding=infarction),
    )
    await story.tell(
        AT[DUNG],
        TakeDecision(
            examination_id=EXAMINATION,
            follows_assessment=True,
            treats_locally=True,
            decision="Tiêu sợi huyết tại chỗ.",
        ),
        OrderTreatment(examination_id=EXAMINATION, treatment="Alteplase theo phác đồ."),
        DisconnectDevice(examination_id=EXAMINATION, device_id=called("ultrasound")),
    )
    read = Examination().after(recorded.event for recorded in await story.history(EXAMINATION))
    await story.tell(AT[NGA], SignExamination(examination_id=EXAMINATION, content_sha256=read.content_sha256))


async def the_minutes_are_signed(story: Story) -> None:
    """All three sides sign, so that the answers go back to the points."""
    await story.tell(AT[HIEU], CloseConsultation(consultation_id=CONSULTATION))
    (closed,) = [
        recorded.event for recorded in await story.history(CONSULTATION) if type(recorded.event) is ConsultationClosed
    ]
    for by in (AT[HIEU], AT[DUNG], AT[MAY]):
        assert by.facility_id is not None
        await story.tell(
            by,
            SignMinutes(consultation_id=CONSULTATION, facility_id=by.facility_id, content_sha256=closed.content_sha256),
        )


async def the_outcomes_come_back(story: Story) -> None:
    for by, referral_id in ((AT[DUNG], REFERRAL_OF_THAI_NGUYEN), (AT[MAY], REFERRAL_OF_SA_PA)):
        report = "Người bệnh ổn định sau can thiệp, ra viện ngày thứ năm."
        outcome = ReportOutcome(
            referral_id=referral_id, outcome=PatientOutcome.IMPROVED, advice_followed=True, report=report
        )
        await story.tell(by, outcome)


CHAPTERS = (
    the_network_is_built,
    the_patients_are_referred,
    the_consultation_opens,
    people_come_into_the_room,
    the_cases_are_discussed,
    the_patient_is_examined,
    the_minutes_are_signed,
    the_outcomes_come_back,
)


async def launch_day(story: Story) -> Story:
    """The whole day, from the first hospital to the last outcome."""
    for chapter in CHAPTERS:
        await chapter(story)
    return story
