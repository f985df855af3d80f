"""What else can happen, told with the real commands after the launch day, until every event of the domain is told."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from commands._command import Command
from commands.agreement import EndAgreement
from commands.consent import GiveConsent, WithdrawConsent
from commands.consultation import CancelConsultation, PlanConsultation, TransferChair
from commands.consultation_minutes import AmendMinutes
from commands.examination import AbortExamination, OrderExamination
from commands.examination_assessment import AmendExamination
from commands.facility import RestorePoint, ReviseFacility, SuspendPoint
from commands.patient import (
    AddIdentity,
    AuthoriseRelative,
    MergePatients,
    RecordDeath,
    RevokeRelative,
    WithdrawIdentity,
)
from commands.practitioner import (
    AssignPractitioner,
    ReinstatePractitioner,
    ReleasePractitioner,
    RenewLicence,
    SuspendPractitioner,
)
from commands.referral import (
    AcceptReferral,
    CancelReferral,
    DeclineReferral,
    RecordAnswerOverdue,
    ReturnReferral,
    ReviseReferral,
    SubmitReferral,
)
from commands.referral_answer import AnswerReferral
from commands.referral_transfer import (
    ApproveTransfer,
    AvoidTransfer,
    RecordArrival,
    RecordDeparture,
    RequestTransfer,
)
from commands.report import FailReport, RequestReport, SealReport, VerifyReport
from domain._kernel import Actor, Role
from domain._sharing import LegalGround, SharingBasis
from domain._values import Blob, ConsultationKind, Location, Period, RemoteMode, Tier, Urgency, Validity
from domain.consent import Manner, Purpose
from domain.patient import Identity, RelativeScope
from domain.referral import Referral
from domain.report import Report, ReportParameter
from tests.history import called
from tests.story import case_of, launch_day, refer
from tests.story_live import an_examination_is_seen_live
from tests.story_network import (
    AT,
    BACH_MAI,
    CONSULTATION,
    DUNG,
    EXAMINATION,
    HIEU,
    MAY,
    NGA,
    PATIENT_OF_SA_PA,
    PATIENT_OF_THAI_NGUYEN,
    REGISTRAR,
    SA_PA,
    SPECIALITY,
    THAI_NGUYEN,
    register_patient,
)
from tests.storyteller import SYSTEM, Story

SECOND_RECORD = called("a second record of the patient of Sa Pa")
GROUND = SharingBasis(ground=LegalGround.LIFE_OR_HEALTH_IN_DANGER, explanation="Nguy kịch.")


async def referral(story: Story, name: str, *then: Command, urgency: Urgency = Urgency.ROUTINE) -> UUID:
    """A further referral of Sa Pa's patient to Bạch Mai, and what the receiving side does with it."""
    referral_id = called(name)
    await refer(story, AT[MAY], referral_id, PATIENT_OF_SA_PA, urgency, GROUND)
    await story.tell(AT[NGA], *then)
    return referral_id


async def referrals_go_other_ways(story: Story) -> None:
    await referral(story, "declined", DeclineReferral(referral_id=called("declined"), reason="Không còn giường."))
    cancelled = await referral(story, "cancelled")
    await story.tell(AT[MAY], CancelReferral(referral_id=cancelled, reason="Người bệnh tự ra viện."))
    returned = await referral(
        story,
        "returned",
        ReturnReferral(referral_id=called("returned"), reason="Sai chuyên khoa.", suggested_speciality="stroke"),
    )
    request = (await story.history(returned))[0].event.request  # type: ignore[attr-defined]
    await story.tell(
        AT[MAY], ReviseReferral(referral_id=returned, request=request), SubmitReferral(referral_id=returned)
    )
    overdue = await referral(story, "overdue", urgency=Urgency.EMERGENCY)
    submitted = Referral().after(recorded.event for recorded in await story.history(overdue))
    story.now += timedelta(minutes=20)
    await story.tell(SYSTEM, RecordAnswerOverdue(referral_id=overdue, submission=submitted.submission))


async def patients_are_transferred(story: Story) -> None:
    for name in ("transferred", "not transferred"):
        accepted = await referral(story, name, AcceptReferral(referral_id=called(name)))
        await story.tell(AT[MAY], RequestTransfer(referral_id=accepted, reason="Cần phòng can thiệp."))
    there, here = called("transferred"), called("not transferred")
    await story.tell(AT[NGA], ApproveTransfer(referral_id=there, ward="C1"))
    await story.tell(AT[MAY], RecordDeparture(referral_id=there, means="Xe cấp cứu", condition="Ổn định."))
    await story.tell(
        AT[NGA],
        RecordArrival(referral_id=there, condition="Ổn định."),
        AnswerReferral(referral_id=there, answer="Đã can thiệp, kết quả tốt."),
    )
    await story.tell(AT[MAY], AvoidTransfer(referral_id=here, reason="Đáp ứng điều trị tại chỗ."))


async def sessions_go_other_ways(story: Story) -> None:
    cancelled = called("a cancelled consultation")
    await story.tell(
        AT[HIEU],
        PlanConsultation(
            consultation_id=cancelled,
            kind=ConsultationKind.CONSULTATION,
            mode=RemoteMode.REMOTE_CONSULTATION,
            title="Hội chẩn buổi chiều",
            speciality=SPECIALITY,
            period=Period(start=story.at(16), end=story.at(17)),
            centre_id=BACH_MAI,
            responsible_id=HIEU,
            chair_id=NGA,
        ),
        TransferChair(consultation_id=cancelled, chair_id=HIEU, reason="Bác sĩ Nga có ca mổ."),
        CancelConsultation(consultation_id=cancelled, reason="Mất điện toàn viện."),
    )
    amendment = AmendMinutes(
        consultation_id=CONSULTATION, case_id=case_of(SA_PA), reason="Ghi nhầm liều.", text="Aspirin 81 mg mỗi ngày."
    )
    await story.tell(AT[MAY], amendment)
    await story.tell(
        AT[NGA], AmendExamination(examination_id=EXAMINATION, reason="Bổ sung", text="Phân suất tống máu 40 %.")
    )
    aborted = called("an aborted examination")
    await story.tell(
        AT[DUNG],
        OrderExamination(
            examination_id=aborted,
            patient_id=PATIENT_OF_THAI_NGUYEN,
            point_id=THAI_NGUYEN,
            remote_facility_id=BACH_MAI,
            remote_doctor_id=NGA,
            kind=ConsultationKind.TELE_IMAGING,
            speciality=SPECIALITY,
            sharing=GROUND,
        ),
        AbortExamination(examination_id=aborted, reason="Máy siêu âm hỏng."),
    )


async def people_change(story: Story) -> None:
    later = story.now + timedelta(days=90)
    since = Validity(first=date(2020, 1, 1))
    identity = Identity(id=called("insurance"), system="vn-insurance", number="XX0000000000000", valid=since)
    relative = called("a daughter")
    await story.tell(
        AT[MAY],
        AddIdentity(patient_id=PATIENT_OF_SA_PA, identity=identity),
        WithdrawIdentity(patient_id=PATIENT_OF_SA_PA, identity_id=identity.id, reason="Thẻ của người khác."),
        AuthoriseRelative(
            patient_id=PATIENT_OF_SA_PA,
            relative_id=relative,
            full_name="Con gái hư cấu",
            relation="con gái",
            scope=(RelativeScope.RECORD,),
            expires_at=later,
        ),
        RevokeRelative(patient_id=PATIENT_OF_SA_PA, relative_id=relative, reason="Theo yêu cầu người bệnh."),
        GiveConsent(
            consent_id=called("consent"),
            patient_id=PATIENT_OF_SA_PA,
            purpose=Purpose.RECORDING,
            template_sha256="7e" * 32,
            manner=Manner.WRITTEN,
        ),
        WithdrawConsent(consent_id=called("consent"), reason="Người bệnh đổi ý."),
    )
    await register_patient(story, SECOND_RECORD, SA_PA, "Người bệnh thứ hai")
    await story.tell(
        REGISTRAR,
        MergePatients(patient_id=SECOND_RECORD, surviving_id=PATIENT_OF_SA_PA, reason="Cùng một người."),
        RecordDeath(patient_id=PATIENT_OF_THAI_NGUYEN, died_at=story.now, facility_id=THAI_NGUYEN),
    )


async def the_network_changes(story: Story) -> None:
    tomorrow = Period(start=story.at(9 + 24), end=story.at(17 + 24))
    await story.tell(
        REGISTRAR,
        AssignPractitioner(practitioner_id=MAY, assignment_id=called("tomorrow"), facility_id=SA_PA, hours=tomorrow),
        ReleasePractitioner(practitioner_id=MAY, assignment_id=called("tomorrow"), reason="Nghỉ ốm."),
        RenewLicence(
            practitioner_id=MAY, licence_number="LC-2", licence=Validity(first=date(2020, 1, 1)), scope=(SPECIALITY,)
        ),
        SuspendPractitioner(practitioner_id=MAY, reason="Kiểm tra chứng chỉ."),
        ReinstatePractitioner(practitioner_id=MAY, reason="Chứng chỉ hợp lệ."),
        SuspendPoint(facility_id=SA_PA, reason="Bão làm đứt cáp."),
        RestorePoint(facility_id=SA_PA),
        EndAgreement(facility_id=SA_PA, partner_id=BACH_MAI, last_day=date(2020, 12, 31), reason="Ký lại."),
    )


async def the_register_is_revised(story: Story) -> None:
    """A hospital grows: another name, code, tier and ward of the town, coordinates, and one that answers for it."""
    await story.tell(
        REGISTRAR,
        ReviseFacility(
            facility_id=SA_PA,
            national_code="10088",
            name_vi="Bệnh viện đa khoa khu vực Sa Pa",
            tier=Tier.PROVINCIAL,
            province_code="10",
            province="Lào Cai",
            district_code="088",
            commune_code="03001",
            location=Location(latitude=Decimal("22.336"), longitude=Decimal("103.844")),
            parent_id=BACH_MAI,
        ),
    )


async def a_report_is_sealed(story: Story) -> None:
    """Asked for three times: sealed, sealed as of a later position and verified, and given up."""
    auditor = Actor(id=called("an auditor"), roles=frozenset({Role.AUDITOR}))
    month = (ReportParameter(name="month", value="2020-08"),)
    report_id = Report.id_of("activity", month)
    for number in (1, 2, 3):
        request = RequestReport(definition="activity", parameters=month, ground="Báo cáo tháng của Bộ Y tế.")
        await story.tell(auditor, request)
        run_id = Report.run_of(report_id, number)
        if number == 3:
            reason = "Chưa có đồng ký của nhân chứng."
            await story.tell(SYSTEM, FailReport(report_id=report_id, run_id=run_id, code="NOT_COSIGNED", reason=reason))
            break
        sealed = SealReport(
            report_id=report_id,
            run_id=run_id,
            position=10 * number,
            manifest=Blob(sha256="3e" * 32, media_type="application/json", size=900),
            result_sha256="4f" * 32,
            checkpoint="log.test/one\n100\nq83vASNFZ4k=\n\n— log.test/one AAAAAA==\n",
            checkpoint_size=100,
            cosigned_by=("witness.test",),
        )
        await story.tell(SYSTEM, sealed)
    run_id = Report.run_of(report_id, 2)
    await story.tell(auditor, VerifyReport(report_id=report_id, run_id=run_id, result_sha256="4f" * 32))


async def everything(story: Story) -> Story:
    """The launch day, and all that it left out."""
    await launch_day(story)
    for twist in (
        referrals_go_other_ways,
        patients_are_transferred,
        sessions_go_other_ways,
        an_examination_is_seen_live,
        people_change,
        the_network_changes,
        the_register_is_revised,
        a_report_is_sealed,
    ):
        await twist(story)
    return story
