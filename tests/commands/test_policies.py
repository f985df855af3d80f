"""What the system does by itself, told without a store."""

from __future__ import annotations

from uuid import UUID

import pytest

from commands.consent import RecordConsentReliedOn
from commands.examination import CaptureImage
from commands.live_session import CloseLiveSession
from commands.live_session_recording import EndWithdrawnConsent
from commands.policies import overdue, policy
from commands.referral import RecordAnswerOverdue
from commands.referral_answer import AnswerByExamination, AnswerByMinutes
from domain._kernel import Event, Metadata, Recorded
from domain._live_session import LiveSession
from domain.consent import ConsentWithdrawn
from domain.consultation import ConsultationCancelled, ConsultationClosed, MinutesCompleted
from domain.examination import ExaminationAborted, ExaminationSigned, ExaminationStarted
from domain.live_session import RecordingConsented, StillCaptured
from tests.domain.cast import (
    CONSULTATION,
    DR_LAN,
    EXAMINATION,
    LAN_AT_BACH_MAI,
    NOON,
    PATIENT,
    REFERRAL,
    THE_SYSTEM,
    later,
)
from tests.domain.live_cast import CONSENT_TO_RECORD, EXAMINED, PROBE_PICTURE
from tests.domain.test_live_session_picture import TAKEN
from tests.spec import given

OVER = (
    ConsultationClosed(minutes_version=1, content_sha256="ab" * 32, sides=()),
    ConsultationCancelled(reason="Mất điện"),
    ExaminationAborted(reason="Máy hỏng"),
)
LISTENED: set[type[Event]] = {ExaminationSigned, MinutesCompleted, StillCaptured, *(type(one) for one in OVER)}
LISTENED |= {RecordingConsented, ConsentWithdrawn}
ROOM = LiveSession.of(CONSULTATION)
SIGNED = ExaminationSigned(practitioner_id=DR_LAN, content_sha256="ab" * 32, referral_id=REFERRAL)


def at(event: Event, stream_id: UUID, version: int = 7) -> Recorded:
    metadata = Metadata(
        actor=LAN_AT_BACH_MAI.actor, command_id=UUID(int=77), correlation_id=UUID(int=99), clinical_time=NOON
    )
    return Recorded(event, stream_id, version, 100, NOON, metadata)


def test_a_signed_examination_answers_the_referral_that_it_was_ordered_on() -> None:
    answer = AnswerByExamination(referral_id=REFERRAL, examination_id=EXAMINATION)
    assert answer in [command for _, command in policy.reactions(at(SIGNED, EXAMINATION))]


def test_a_signed_examination_without_a_referral_answers_nobody() -> None:
    reactions = policy.reactions(at(SIGNED.model_copy(update={"referral_id": None}), EXAMINATION))
    assert not [command for _, command in reactions if isinstance(command, AnswerByExamination)]


@pytest.mark.parametrize("event", [SIGNED, *OVER], ids=lambda event: event.name)
def test_a_room_closes_with_its_care(event: Event) -> None:
    closing = CloseLiveSession(live_session_id=LiveSession.of(EXAMINATION))
    assert closing in [command for _, command in policy.reactions(at(event, EXAMINATION))]


def test_a_still_becomes_an_image_of_the_examination_with_its_device_and_its_line() -> None:
    ((_, command),) = policy.reactions(at(TAKEN, LiveSession.of(CONSULTATION)))
    assert command == CaptureImage(
        examination_id=EXAMINATION,
        image_id=TAKEN.image_id,
        device_id=TAKEN.device_id,
        image=TAKEN.image,
        frame_at=TAKEN.frame.taken_at,
        measured=TAKEN.measured,
    )
    of_a_started_one = given(*EXAMINED).when(command, THE_SYSTEM)
    assert isinstance(of_a_started_one.of, list), of_a_started_one.of


def test_a_withdrawn_consent_goes_to_every_room_that_relied_on_it() -> None:
    rooms = (ROOM, LiveSession.of(EXAMINATION))
    withdrawn = ConsentWithdrawn(reason="Đổi ý", live_session_ids=rooms)
    assert [command for _, command in policy.reactions(at(withdrawn, CONSENT_TO_RECORD))] == [
        EndWithdrawnConsent(live_session_id=room, consent_id=CONSENT_TO_RECORD) for room in rooms
    ]


def test_a_consent_is_told_who_relies_on_it_and_then_asked_whether_it_still_holds() -> None:
    consented = RecordingConsented(track_id=PROBE_PICTURE, person_id=PATIENT, consent_id=CONSENT_TO_RECORD)
    assert [command for _, command in policy.reactions(at(consented, ROOM))] == [
        RecordConsentReliedOn(consent_id=CONSENT_TO_RECORD, live_session_id=ROOM),
        EndWithdrawnConsent(live_session_id=ROOM, consent_id=CONSENT_TO_RECORD),
    ]
    itself = consented.model_copy(update={"consent_id": None})
    assert policy.reactions(at(itself, ROOM)) == [], "whoever consented for itself withdraws in the room"


def test_completed_minutes_answer_the_referral_of_each_case() -> None:
    completed = MinutesCompleted(minutes_version=1, content_sha256="ab" * 32, referral_ids=(REFERRAL, PATIENT))
    reactions = policy.reactions(at(completed, CONSULTATION))
    assert [command for _, command in reactions] == [
        AnswerByMinutes(referral_id=REFERRAL, consultation_id=CONSULTATION),
        AnswerByMinutes(referral_id=PATIENT, consultation_id=CONSULTATION),
    ]
    assert len({command_id for command_id, _ in reactions}) == 2


def test_a_fact_that_is_met_twice_gives_the_same_command_ids() -> None:
    assert policy.reactions(at(SIGNED, EXAMINATION)) == policy.reactions(at(SIGNED, EXAMINATION))


def test_another_fact_gives_another_command_id() -> None:
    facts = [at(SIGNED, EXAMINATION), at(SIGNED, EXAMINATION, version=8), at(SIGNED, PATIENT)]
    assert len({policy.reactions(fact)[0][0] for fact in facts}) == 3


def test_a_fact_without_a_rule_leads_to_nothing() -> None:
    assert policy.reactions(at(ExaminationStarted(), EXAMINATION)) == []
    assert policy.listens_to == LISTENED


@pytest.mark.parametrize("minutes", [240, 2400])
def test_a_clock_that_ran_out_is_noted_with_the_same_id_whenever_the_timer_looks(minutes: float) -> None:
    found = overdue(REFERRAL, later(240), 1, later(minutes))
    assert found is not None
    command_id, command = found
    assert command == RecordAnswerOverdue(referral_id=REFERRAL, submission=1)
    first = overdue(REFERRAL, later(240), 1, later(240))
    assert first is not None
    assert command_id == first[0]
    second_submission = overdue(REFERRAL, later(240), 2, later(minutes))
    assert second_submission is not None
    assert second_submission[0] != command_id


def test_a_clock_that_still_runs_is_left_alone() -> None:
    assert overdue(REFERRAL, later(240), 1, later(239)) is None
