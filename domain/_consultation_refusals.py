"""What the rules of a consultation refuse."""

from __future__ import annotations

from domain._kernel import DomainError


class ObserversNeedTeaching(DomainError, code="OBSERVERS_NEED_TEACHING", field="role"):
    """Observers are invited to a consultation that was planned for teaching; this one was not."""


class PointAlreadyInvited(DomainError, code="POINT_ALREADY_INVITED", field="facility_id"):
    """This facility has its place {place} already."""


class PointNotInvited(DomainError, code="POINT_NOT_INVITED", field="facility_id"):
    """This facility was not invited."""


class PointAlreadyConfirmed(DomainError, code="POINT_ALREADY_CONFIRMED", field="facility_id"):
    """This facility has confirmed already."""


class PointNotConfirmed(DomainError, code="POINT_NOT_CONFIRMED", field="facility_id"):
    """A point confirms its invitation before it joins."""


class PointAlreadyJoined(DomainError, code="POINT_ALREADY_JOINED", field="facility_id"):
    """This point is on the line already."""


class PointNotJoined(DomainError, code="POINT_NOT_JOINED", field="facility_id"):
    """Only a point that is on the line can do this or be given the floor."""


class ObserversAreSilent(DomainError, code="OBSERVERS_ARE_SILENT", field="facility_id"):
    """An observer learns; it neither speaks nor presents."""


class NotABridgePoint(DomainError, code="NOT_A_BRIDGE_POINT", field="facility_id"):
    """Cases are presented by the bridge points, each its own patients."""


class NotTheChair(DomainError, code="NOT_THE_CHAIR"):
    """Only the chair of this consultation can do this."""


class NotResponsible(DomainError, code="NOT_RESPONSIBLE"):
    """For the centre, the chair or the responsible practitioner does this."""


class OutsideOpeningHours(DomainError, code="OUTSIDE_OPENING_HOURS"):
    """A consultation is opened between {earliest} and {latest}."""


class PeriodIsPast(DomainError, code="PERIOD_IS_PAST", field="period"):
    """A consultation is planned for a time to come."""


class CaseAlreadyPresented(DomainError, code="CASE_ALREADY_PRESENTED", field="case_id"):
    """A case with this id has been presented."""


class CaseNotPresented(DomainError, code="CASE_NOT_PRESENTED", field="case_id"):
    """No case with this id has been presented in this consultation."""


class IssueAlreadyRaised(DomainError, code="ISSUE_ALREADY_RAISED", field="issue_id"):
    """An issue with this id has been raised."""


class IssueNotRaised(DomainError, code="ISSUE_NOT_RAISED", field="issue_id"):
    """No issue with this id has been raised in this consultation."""


class IssueAlreadyConcluded(DomainError, code="ISSUE_ALREADY_CONCLUDED", field="issue_id"):
    """The chair has stated the conclusion on this issue; the minutes can be amended after the session."""


class IssuesWithoutConclusion(DomainError, code="ISSUES_WITHOUT_CONCLUSION"):
    """These issues have no conclusion yet: {issues}."""


class NoPointJoined(DomainError, code="NO_POINT_JOINED"):
    """No bridge point was ever on the line: cancel the consultation instead."""


class CasesWerePresented(DomainError, code="CASES_WERE_PRESENTED"):
    """Cases were presented, so there are minutes to sign: close the consultation instead."""


class NotASideOfTheMinutes(DomainError, code="NOT_A_SIDE_OF_THE_MINUTES", field="facility_id"):
    """The minutes are signed by the centre and by the points that presented a case."""


class AlreadySigned(DomainError, code="ALREADY_SIGNED", field="facility_id"):
    """This side has signed version {version} of the minutes."""
