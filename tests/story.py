"""A small launch day, told with the real commands: three hospitals, two patients, one consultation.

Whoever needs a history that could really have happened takes it from here: `await launch_day(Story(store))`, on the
log in memory or on PostgreSQL. The chapters are told in their order, as far as they are needed. All names are
invented but those of the hospitals, and every id follows from a name, so that the same story has the same ids.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from commands.agreement import SignAgreement
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
from commands.facility import ConnectPoint, DeclareServices, MeasureLine, RegisterFacility
from commands.patient import RegisterPatient
from commands.practitioner import AssignPractitioner, RegisterPractitioner
from commands.referral import AcceptReferral, DraftReferral, ScheduleReferral, SubmitReferral
from commands.referral_answer import ReportOutcome
from domain._kernel import Actor, Role
from domain._points import GuestRole, LeaveReason
from domain._sharing import LegalGround, SharingBasis
from domain._values import (
    Blob,
    Coding,
    ConsultationKind,
    LinkQuality,
    Period,
    Quantity,
    RemoteMode,
    Tier,
    Urgency,
    Validity,
)
from domain.consultation import ConsultationClosed
from domain.examination import Examination
from domain.facility import Service
from domain.patient import Sex
from domain.referral import PatientOutcome, Request
from tests.history import LAUNCH_DAY, called
from tests.storyteller import Story

BACH_MAI, THAI_NGUYEN, SA_PA = called("Bạch Mai"), called("Thái Nguyên C"), called("Sa Pa")
NGA, HIEU = called("bác sĩ Nga, Bạch Mai"), called("bác sĩ Hiếu, Bạch Mai")
DUNG, MAY = called("bác sĩ Dũng, Thái Nguyên C"), called("bác sĩ Mây, Sa Pa")
PATIENT_OF_THAI_NGUYEN, PATIENT_OF_SA_PA = called("patient of Thái Nguyên C"), called("patient of Sa Pa")
REFERRAL_OF_THAI_NGUYEN, REFERRAL_OF_SA_PA = called("referral of Thái Nguyên C"), called("referral of Sa Pa")
CONSULTATION, EXAMINATION = called("the first consultation"), called("the first examination")
SHARING_REQUEST = called("sharing request of the patient of Sa Pa")

REGISTRAR = Actor(id=called("a registrar"), roles=frozenset({Role.REGISTRAR}))
SPECIALITY = "cardiology"
GOOD_LINE = LinkQuality(
    bitrate_kbps=60_000,
    delay_ms=25,
    loss_percent=Decimal("0.1"),
    width=1920,
    height=1080,
    frames_per_second=Decimal(30),
)
WEAK_LINE = GOOD_LINE.model_copy(update={"bitrate_kbps": 700, "width": 640, "height": 480})


def doctor(id_: UUID, facility_id: UUID) -> Actor:
    return Actor(id=id_, roles=frozenset({Role.DOCTOR}), facility_id=facility_id)


AT = {
    NGA: doctor(NGA, BACH_MAI),
    HIEU: doctor(HIEU, BACH_MAI),
    DUNG: doctor(DUNG, THAI_NGUYEN),
    MAY: doctor(MAY, SA_PA),
}


THE_DAY = Period(start=LAUNCH_DAY - timedelta(hours=2), end=LAUNCH_DAY + timedelta(hours=10))


async def the_network_is_built(story: Story) -> None:
    """Three connected points, agreements of the two with the centre, four doctors on duty, two patients."""
    story.now = LAUNCH_DAY - timedelta(days=2)
    places = (
        (BACH_MAI, "Bệnh viện Bạch Mai", "01001", Tier.CENTRAL, "01", "Hà Nội"),
        (THAI_NGUYEN, "Bệnh viện C Thái Nguyên", "19002", Tier.PROVINCIAL, "19", "Thái Nguyên"),
        (SA_PA, "Bệnh viện đa khoa Sa Pa", "10003", Tier.DISTRICT, "10", "Lào Cai"),
    )
    for id_, name, code, tier, province_code, province in places:
        await _connect(story, RegisterFacility(
            facility_id=id_, name_vi=name, national_code=code, tier=tier, province_code=province_code,
            province=province,
        ))  # fmt: skip
    for point in (THAI_NGUYEN, SA_PA):
        await _agree(story, point)
    for id_, actor in AT.items():
        await _employ(story, id_, actor)
    await register_patient(story, PATIENT_OF_THAI_NGUYEN, THAI_NGUYEN, "Người bệnh thứ nhất")
    await register_patient(story, PATIENT_OF_SA_PA, SA_PA, "Người bệnh thứ hai")
    story.now = LAUNCH_DAY


async def _connect(story: Story, register: RegisterFacility) -> None:
    kinds = (ConsultationKind.CONSULTATION, ConsultationKind.TELE_IMAGING)
    services = tuple(Service(kind=one, mode=RemoteMode.REMOTE_CONSULTATION, speciality=SPECIALITY) for one in kinds)
    await story.tell(
        REGISTRAR,
        register,
        DeclareServices(facility_id=register.facility_id, first_day=date(2020, 8, 1), services=services),
        MeasureLine(facility_id=register.facility_id, line=GOOD_LINE, instrument="iperf3"),
        ConnectPoint(facility_id=register.facility_id),
    )


async def _agree(story: Story, point: UUID) -> None:
    await story.tell(
        REGISTRAR,
        SignAgreement(
            facility_id=BACH_MAI,
            partner_id=point,
            term=Validity(first=date(2020, 8, 1), last=date(2025, 7, 31)),
            signed_for_facility="Giám đốc bệnh viện trung tâm",
            signed_for_partner="Giám đốc bệnh viện",
        ),
    )


async def _employ(story: Story, id_: UUID, actor: Actor) -> None:
    assert actor.facility_id is not None
    await story.tell(
        REGISTRAR,
        RegisterPractitioner(
            practitioner_id=id_,
            full_name="Bác sĩ hư cấu",
            licence_number=f"HN-{str(id_)[:6]}",
            licence=Validity(first=date(2015, 1, 1)),
            scope=(SPECIALITY,),
            home_facility_id=actor.facility_id,
        ),
        AssignPractitioner(
            practitioner_id=id_,
            assignment_id=called(f"launch day of {id_}"),
            facility_id=actor.facility_id,
            hours=THE_DAY,
        ),
    )


async def register_patient(story: Story, patient_id: UUID, facility_id: UUID, name: str) -> None:
    await story.tell(
        REGISTRAR,
        RegisterPatient(patient_id=patient_id, facility_id=facility_id, full_name=name, sex=Sex.UNKNOWN, born_in=1951),
    )


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
