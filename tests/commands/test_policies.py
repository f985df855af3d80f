"""What the system does by itself, told without a store."""

from __future__ import annotations

from uuid import UUID

import pytest

from commands.policies import overdue, policy
from commands.referral import RecordAnswerOverdue
from commands.referral_answer import AnswerByExamination, AnswerByMinutes
from domain._kernel import Event, Metadata, Recorded
from domain.consultation import MinutesCompleted
from domain.examination import ExaminationSigned, ExaminationStarted
from tests.domain.cast import CONSULTATION, DR_LAN, EXAMINATION, LAN_AT_BACH_MAI, NOON, PATIENT, REFERRAL, later

LISTENED: set[type[Event]] = {ExaminationSigned, MinutesCompleted}
SIGNED = ExaminationSigned(practitioner_id=DR_LAN, content_sha256="ab" * 32, referral_id=REFERRAL)


def at(event: Event, stream_id: UUID, version: int = 7) -> Recorded:
    metadata = Metadata(
        actor=LAN_AT_BACH_MAI.actor, command_id=UUID(int=77), correlation_id=UUID(int=99), clinical_time=NOON
    )
    return Recorded(event, stream_id, version, 100, NOON, metadata)


def test_a_signed_examination_answers_the_referral_that_it_was_ordered_on() -> None:
    ((_, command),) = policy.reactions(at(SIGNED, EXAMINATION))
    assert command == AnswerByExamination(referral_id=REFERRAL, examination_id=EXAMINATION)


def test_a_signed_examination_without_a_referral_answers_nobody() -> None:
    assert policy.reactions(at(SIGNED.model_copy(update={"referral_id": None}), EXAMINATION)) == []


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
