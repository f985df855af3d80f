"""What the system does by itself: signed findings and minutes answer the referral, and clocks that run out are noted.

Pure: facts and a moment in, commands out. The commands are sent by the system, and carry no words of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from commands._command import Command
from commands._ids import derived_id
from commands._policy import Policy
from commands.referral import RecordAnswerOverdue
from commands.referral_answer import AnswerByExamination, AnswerByMinutes
from domain._kernel import Recorded
from domain.consultation import MinutesCompleted
from domain.examination import ExaminationSigned

policy = Policy()


@policy.on(ExaminationSigned)
def signed_findings_answer_the_referral(event: ExaminationSigned, at: Recorded) -> Iterator[Command]:
    """The asking side does not wait for a letter that repeats what is signed."""
    if event.referral_id is not None:
        yield AnswerByExamination(referral_id=event.referral_id, examination_id=at.stream_id)


@policy.on(MinutesCompleted)
def signed_minutes_answer_the_referrals(event: MinutesCompleted, at: Recorded) -> Iterator[Command]:
    """Each point gets the conclusions on its own patient; amended minutes answer once more."""
    for referral_id in event.referral_ids:
        yield AnswerByMinutes(referral_id=referral_id, consultation_id=at.stream_id)


def overdue(
    referral_id: UUID, answer_due_at: datetime, submission: int, now: datetime
) -> tuple[UUID, RecordAnswerOverdue] | None:
    """What the timer sends for a submission without a first answer; the same id each time, also after a restart."""
    if now < answer_due_at:
        return None
    command = RecordAnswerOverdue(referral_id=referral_id, submission=submission)
    return derived_id(referral_id, f"answer_overdue:{submission}"), command
