"""What is said about the cases of a consultation, and how its minutes are signed at both ends.

Speaking needs a joined point that is no observer. The minutes are what was presented, asked, advised and concluded;
one digest stands for them, and each side names it when it signs.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from commands._authority import admit_at
from commands._command import Command, Context
from commands._conditions import (
    NoSharingBasis,
    require_any_licence,
    require_consent,
    require_licence,
    require_living,
    require_same_content,
    require_unmerged,
)
from commands.consultation import invited, require_chair, require_responsible, speaking_point
from domain._consultation_refusals import (
    AlreadySigned,
    CaseAlreadyPresented,
    CaseNotPresented,
    IssueAlreadyConcluded,
    IssueAlreadyRaised,
    IssueNotRaised,
    IssuesWithoutConclusion,
    NoPointJoined,
    NotABridgePoint,
    NotASideOfTheMinutes,
)
from domain._kernel import Role
from domain._personal import ClinicalText, Reason
from domain._points import PointRole, Presence
from domain._values import Code, ConsultationKind, Sha256
from domain.consent import Consent
from domain.consultation import (
    CasePresented,
    Consultation,
    ConsultationClosed,
    IssueConcluded,
    IssueRaised,
    MinutesAmended,
    MinutesCompleted,
    MinutesSigned,
    OpinionGiven,
)
from domain.patient import Patient
from domain.practitioner import Practitioner
from domain.referral import Referral


class PresentCase(Command, of=Consultation, by={Role.DOCTOR}):
    """Present a patient of your bridge point, on the basis of its referral or of the patient's own request."""

    consultation_id: UUID
    case_id: UUID
    patient_id: UUID
    summary: ClinicalText
    referral_id: UUID | None = None
    consent_id: UUID | None = None

    def decide(
        self,
        consultation: Consultation,
        context: Context,
        patient: Patient,
        referral: Referral | None,
        consent: Consent | None,
    ) -> Iterator[CasePresented]:
        point = speaking_point(consultation, context)
        if point.role is not PointRole.BRIDGE_POINT:
            raise NotABridgePoint()
        if self.case_id in consultation.cases:
            raise CaseAlreadyPresented()
        # What a teaching session discusses may be why a patient died; care is for the living.
        teaches = consultation.kind_of_care is ConsultationKind.TRAINING
        (require_unmerged if teaches else require_living)(patient)
        if self.referral_id is not None:
            self._require_referral(referral, point.facility_id, consultation.centre_id)
        else:
            assert consultation.centre_id is not None
            require_consent(consent, self.patient_id, consultation.centre_id, context)
        yield CasePresented(
            case_id=self.case_id,
            patient_id=self.patient_id,
            facility_id=point.facility_id,
            summary=self.summary,
            referral_id=self.referral_id,
            consent_id=self.consent_id,
        )

    def _require_referral(self, referral: Referral | None, point_id: UUID, centre_id: UUID | None) -> None:
        """The referral shares this patient, from this point, with this centre, and is still open."""
        wanted = (self.patient_id, point_id, centre_id)
        if referral is None or not referral.shares:
            raise NoSharingBasis(field="referral_id")
        if (referral.patient_id, referral.asking_facility_id, referral.receiving_facility_id) != wanted:
            raise NoSharingBasis(field="referral_id")


class RaiseIssue(Command, of=Consultation, by={Role.DOCTOR}):
    """Put a question about a case, to which there will be a conclusion."""

    consultation_id: UUID
    issue_id: UUID
    case_id: UUID
    question: ClinicalText

    def decide(self, consultation: Consultation, context: Context) -> Iterator[IssueRaised]:
        point = speaking_point(consultation, context)
        if self.case_id not in consultation.cases:
            raise CaseNotPresented()
        if self.issue_id in consultation.issues:
            raise IssueAlreadyRaised()
        yield IssueRaised(
            issue_id=self.issue_id, case_id=self.case_id, facility_id=point.facility_id, question=self.question
        )


class GiveOpinion(Command, of=Consultation, by={Role.DOCTOR}):
    """Give an opinion on an issue, in a speciality that your licence covers."""

    consultation_id: UUID
    issue_id: UUID
    speciality: Code
    opinion: ClinicalText

    def decide(self, consultation: Consultation, context: Context, actor: Practitioner) -> Iterator[OpinionGiven]:
        point = speaking_point(consultation, context)
        require_open_issue(consultation, self.issue_id)
        require_licence(actor, self.speciality, context.happened_at, "speciality")
        yield OpinionGiven(
            issue_id=self.issue_id,
            facility_id=point.facility_id,
            practitioner_id=context.actor.id,
            speciality=self.speciality,
            opinion=self.opinion,
        )


class ConcludeIssue(Command, of=Consultation, by={Role.DOCTOR}):
    """State the conclusion on an issue, as the chair."""

    consultation_id: UUID
    issue_id: UUID
    conclusion: ClinicalText

    def decide(self, consultation: Consultation, context: Context) -> Iterator[IssueConcluded]:
        require_chair(consultation, context)
        require_open_issue(consultation, self.issue_id)
        yield IssueConcluded(issue_id=self.issue_id, conclusion=self.conclusion)


class CloseConsultation(Command, of=Consultation, by={Role.DOCTOR}):
    """End the session for the centre once every issue has its conclusion."""

    consultation_id: UUID

    def decide(self, consultation: Consultation, context: Context) -> Iterator[ConsultationClosed]:
        require_responsible(consultation, context)
        open_issues = [issue_id for issue_id, issue in consultation.issues.items() if issue.conclusion is None]
        if open_issues:
            raise IssuesWithoutConclusion(issues=", ".join(map(str, open_issues)))
        came = {Presence.JOINED, Presence.LEFT}
        points = consultation.points.values()
        if not any(point.role is PointRole.BRIDGE_POINT and point.presence in came for point in points):
            raise NoPointJoined()
        yield ConsultationClosed(
            minutes_version=consultation.minutes_version,
            content_sha256=consultation.content_sha256,
            sides=consultation.sides(),
        )


class SignMinutes(Command, of=Consultation, by={Role.DOCTOR}):
    """Sign the minutes for your side, naming the digest of what you read."""

    consultation_id: UUID
    facility_id: UUID
    content_sha256: Sha256

    def decide(
        self, consultation: Consultation, context: Context, actor: Practitioner
    ) -> Iterator[MinutesSigned | MinutesCompleted]:
        admit_at(context.actor, self.facility_id)
        sides = set(consultation.sides())
        if self.facility_id not in sides:
            raise NotASideOfTheMinutes()
        if self.facility_id == consultation.centre_id:
            require_responsible(consultation, context)
        if self.facility_id in consultation.signed_by:
            raise AlreadySigned(version=consultation.minutes_version)
        require_any_licence(actor, context.happened_at)
        require_same_content(self.content_sha256, consultation.content_sha256)
        yield MinutesSigned(
            facility_id=self.facility_id,
            practitioner_id=context.actor.id,
            minutes_version=consultation.minutes_version,
            content_sha256=consultation.content_sha256,
        )
        if sides == consultation.signed_by | {self.facility_id}:
            yield MinutesCompleted(
                minutes_version=consultation.minutes_version,
                content_sha256=consultation.content_sha256,
                referral_ids=consultation.referrals_answered(),
            )


class AmendMinutes(Command, of=Consultation, by={Role.DOCTOR}):
    """Correct the minutes about a case by a new version, as one of the sides; all sides sign anew."""

    consultation_id: UUID
    case_id: UUID
    reason: Reason
    text: ClinicalText

    def decide(self, consultation: Consultation, context: Context) -> Iterator[MinutesAmended]:
        case = consultation.cases.get(self.case_id)
        if case is None:
            raise CaseNotPresented()
        # A point corrects what concerns its own patient, never another point's.
        admit_at(context.actor, consultation.centre_id, case.facility_id)
        if invited(consultation, context.actor.facility_id).role is PointRole.CENTRE:
            require_responsible(consultation, context)
        yield MinutesAmended(
            minutes_version=consultation.minutes_version + 1,
            case_id=self.case_id,
            reason=self.reason,
            text=self.text,
            content_sha256=consultation.amended_sha256(self.reason, self.text),
        )


def require_open_issue(consultation: Consultation, issue_id: UUID) -> None:
    """Refuse an issue that nobody raised, and one that the chair has concluded."""
    issue = consultation.issues.get(issue_id)
    if issue is None:
        raise IssueNotRaised()
    if issue.conclusion is not None:
        raise IssueAlreadyConcluded()
