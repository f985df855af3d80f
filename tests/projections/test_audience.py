"""Who has to do with a case, and that no event that names somebody is forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args
from uuid import UUID

import pytest
from pydantic import BaseModel

from domain._catalogue import every_event
from domain._kernel import Recorded
from domain.agreement import Agreement
from infra.postgres import Connection
from projections._page import Condition, select
from projections._view import every_view
from projections.audience import FACILITIES, PATIENTS, Party, involvements, view
from tests import story_network as story
from tests.history import History, called
from tests.projections.conftest import TakeIn
from tests.projections.test_referral_inbox import BACH_MAI, SA_PA, drafted, submission

every_view()

# Fields that hold the id of a facility or patient and yet make nobody a party, each with the reason.
NO_PARTY = {
    "referral.drafted request.receiving_facility_id": "a draft is shared with nobody",
    "referral.revised request.receiving_facility_id": "a draft is shared with nobody, also a second one",
    "referral.submitted patient_id": "the draft has named the patient",
    "referral.answer_overdue asking_facility_id": "the submission has named it",
    "referral.answer_overdue receiving_facility_id": "the submission has named it",
    "consultation.point_confirmed facility_id": "the invitation has named it",
    "consultation.point_joined facility_id": "the invitation has named it",
    "consultation.point_left facility_id": "the invitation has named it",
    "consultation.floor_given facility_id": "the invitation has named it",
    "consultation.case_presented facility_id": "the invitation has named it",
    "consultation.issue_raised facility_id": "the invitation has named it",
    "consultation.opinion_given facility_id": "the invitation has named it",
    "consultation.minutes_signed facility_id": "the invitation has named it",
    "patient.registered identities.id": "an identity has an id of its own",
    "patient.identity_added identity.id": "an identity has an id of its own",
    "consultation.case_presented patient_id": "the stream tells the cases of other patients as well",
    "consultation.closed sides": "the invitations have named them",
    "live_session.participant_admitted ultrasound.patient_id": "a room of many is no patient's; the own one names it",
    "live_session.admission_changed ultrasound.patient_id": "a room of many is no patient's; the own one names it",
    "live_session.track_published ultrasound.patient_id": "a room of many is no patient's; the own one names it",
}


def ids_in(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted paths of all fields that hold ids."""
    for name, field in model.model_fields.items():
        yield from _ids(field.annotation, prefix + name)


def _ids(annotation: Any, path: str) -> Iterator[str]:
    if annotation is UUID:
        yield path
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from ids_in(annotation, path + ".")
    for inner in get_args(annotation):
        yield from _ids(inner, path)


# What ids can name besides facilities and patients; a field of any other name has to be told about here or there.
OTHER_THINGS = {
    "agreement_id", "answered_by", "assignment_id", "case_id", "chair_id", "consent_id", "consultation_id", "device_id",
    "examination_id", "image_id", "images", "images_not_for_diagnosis", "issue_id", "observation_id",
    "practitioner_id", "identity_id", "relative_id", "referral_id", "referral_ids", "remote_doctor_id",
    "responsible_id", "asked_by", "by_run_id", "consented", "continues", "moved_from", "participant_id", "people",
    "person_id", "recording_id", "recording_ids", "run_id", "stroke_id", "stroke_ids", "track_id", "track_ids",
    "live_session_id", "live_session_ids", "message_id",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(every_event()))
def test_every_id_in_an_event_names_a_party_or_it_is_said_why_not(name: str) -> None:
    kind = every_event()[name]
    parties = {*FACILITIES.get(kind, ()), *PATIENTS.get(kind, ())}
    for path in ids_in(kind):
        if path in parties or path.rpartition(".")[2] in OTHER_THINGS:
            continue
        assert f"{name} {path}" in NO_PARTY, f"does {path} of {name} name a party?"


def test_reasons_are_given_for_what_exists_only() -> None:
    paths = {f"{name} {path}" for name, kind in every_event().items() for path in ids_in(kind)}
    named = {
        f"{kind.name} {path}"
        for kind in every_event().values()
        for path in (*FACILITIES.get(kind, ()), *PATIENTS.get(kind, ()))
    }
    assert NO_PARTY.keys() <= paths - named


async def parties_of(db: Connection, stream: UUID) -> set[tuple[UUID, Party]]:
    rows = await select(db, involvements, Condition("stream_id = {}", (stream,)))
    return {(row.party_id, row.party) for row in rows}


async def test_the_receiving_side_is_no_party_before_the_submission(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    stream = drafted(history, "a referral")
    await take_in(history.events, view)
    asking = {(SA_PA, Party.FACILITY), (called("a patient"), Party.PATIENT)}
    assert await parties_of(db, stream) == asking
    await take_in([history.happened(stream, submission())], view)
    assert await parties_of(db, stream) == asking | {(BACH_MAI, Party.FACILITY)}


async def test_the_parties_of_each_case_of_the_story_are_known(
    db: Connection, whole_story: Sequence[Recorded], take_in: TakeIn
) -> None:
    await take_in(whole_story, view)
    hospitals = {(one, Party.FACILITY) for one in (story.BACH_MAI, story.THAI_NGUYEN, story.SA_PA)}
    centre, point = (story.BACH_MAI, Party.FACILITY), (story.THAI_NGUYEN, Party.FACILITY)
    patient = (story.PATIENT_OF_THAI_NGUYEN, Party.PATIENT)
    assert await parties_of(db, story.CONSULTATION) == hospitals, "no patient reads the cases of the others"
    assert await parties_of(db, story.EXAMINATION) == {centre, point, patient}
    assert await parties_of(db, story.PATIENT_OF_THAI_NGUYEN) == {point, patient}
    assert await parties_of(db, story.SHARING_REQUEST) == {
        centre,
        (story.SA_PA, Party.FACILITY),
        (story.PATIENT_OF_SA_PA, Party.PATIENT),
    }
    assert await parties_of(db, story.MAY) == {(story.SA_PA, Party.FACILITY)}
    assert await parties_of(db, Agreement.between(story.SA_PA, story.BACH_MAI)) == hospitals - {point}
