"""What the system does by itself: what is signed answers the referral, a room closes with its care, clocks run out,
a consent that is withdrawn ends the recordings that rely on it.

Pure: facts and a moment in, commands out. The commands are sent by the system, and carry no words of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from commands._command import Command
from commands._ids import derived_id
from commands._policy import Policy
from commands.consent import RecordConsentReliedOn
from commands.examination import CaptureImage
from commands.live_session import CloseLiveSession
from commands.live_session_recording import EndWithdrawnConsent
from commands.referral import RecordAnswerOverdue
from commands.referral_answer import AnswerByExamination, AnswerByMinutes
from domain._kernel import Event, Recorded
from domain._live_session import LiveSession
from domain.consent import ConsentWithdrawn
from domain.consultation import ConsultationCancelled, ConsultationClosed, MinutesCompleted
from domain.examination import ExaminationAborted, ExaminationSigned
from domain.live_session import RecordingConsented, StillCaptured

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


@policy.on(ConsultationClosed)
@policy.on(ConsultationCancelled)
@policy.on(ExaminationSigned)
@policy.on(ExaminationAborted)
def the_room_closes_with_its_care(event: Event, at: Recorded) -> Iterator[Command]:
    """Nobody has to think of it. Where no room was opened, the answer is that there is none."""
    yield CloseLiveSession(live_session_id=LiveSession.of(at.stream_id))


@policy.on(StillCaptured)
def a_still_becomes_an_image_of_the_examination(event: StillCaptured, at: Recorded) -> Iterator[Command]:
    """The doctor finds it where the other evidence is, with the frame, the device and the line it came over."""
    yield CaptureImage(
        examination_id=event.examination_id,
        image_id=event.image_id,
        device_id=event.device_id,
        image=event.image,
        frame_at=event.frame.taken_at,
        measured=event.measured,
    )


@policy.on(RecordingConsented)
def a_consent_knows_who_relies_on_it(event: RecordingConsented, at: Recorded) -> Iterator[Command]:
    """Where the consent was withdrawn meanwhile, its withdrawal did not know of this room: then the second ends it."""
    if event.consent_id is not None:
        yield RecordConsentReliedOn(consent_id=event.consent_id, live_session_id=at.stream_id)
        yield EndWithdrawnConsent(live_session_id=at.stream_id, consent_id=event.consent_id)


@policy.on(ConsentWithdrawn)
def a_withdrawn_consent_ends_recordings(event: ConsentWithdrawn, at: Recorded) -> Iterator[Command]:
    """The patient withdraws once, at the desk or at home, and need not know in which rooms it matters."""
    for live_session_id in event.live_session_ids:
        yield EndWithdrawnConsent(live_session_id=live_session_id, consent_id=at.stream_id)


def overdue(
    referral_id: UUID, answer_due_at: datetime, submission: int, now: datetime
) -> tuple[UUID, RecordAnswerOverdue] | None:
    """What the timer sends for a submission without a first answer; the same id each time, also after a restart."""
    if now < answer_due_at:
        return None
    command = RecordAnswerOverdue(referral_id=referral_id, submission=submission)
    return derived_id(referral_id, f"answer_overdue:{submission}"), command
