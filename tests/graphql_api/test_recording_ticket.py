"""Who works with the case gets a way to its sealed recordings, and nobody else does."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.event_store import PostgresEventStore
from tests.graphql_api.service import RECORDINGS, Person, Service, somebody
from tests.story import launch_day
from tests.story_live import RECORDING, ROOM_OF_SCAN, an_examination_is_seen_live
from tests.story_network import SA_PA
from tests.storyteller import Story

ASK = "query ($id: UUID!) { recordingTicket(recordingId: $id) { recordingId url expiresAt } }"


@pytest.fixture(scope="module", autouse=True)
async def told(log_dsn: str, service: Service) -> None:
    """The whole story, with a recording of a scan in it."""
    store = PostgresEventStore(log_dsn)
    story = await launch_day(Story(store))
    await an_examination_is_seen_live(story)
    await store.close()
    await service.settled()


async def ask(service: Service, person: Person, recording_id: UUID) -> Any:
    async with service.client(person) as client:
        return await client.ask(ASK, id=str(recording_id))


async def test_whoever_works_with_the_case_gets_a_ticket_in_the_own_name(service: Service) -> None:
    doctor = somebody("doctor", at=SA_PA)
    found = (await ask(service, doctor, RECORDING))["data"]["recordingTicket"]
    address, _, text = found["url"].partition("?ticket=")
    assert address == f"https://recordings.example.vn/recordings/{RECORDING}"
    ticket = RECORDINGS.verify(text)
    assert (ticket.session_id, ticket.recording_id, ticket.person_id) == (ROOM_OF_SCAN, RECORDING, doctor.subject)


async def test_two_tickets_are_two_accesses(service: Service) -> None:
    doctor = somebody("doctor", at=SA_PA)
    urls = [(await ask(service, doctor, RECORDING))["data"]["recordingTicket"]["url"] for _ in range(2)]
    first, second = (RECORDINGS.verify(url.partition("?ticket=")[2]).ticket_id for url in urls)
    assert first != second


@pytest.mark.parametrize("roles", [["patient"], ["auditor"], ["operator"]])
async def test_who_does_not_work_with_cases_gets_none(service: Service, roles: list[str]) -> None:
    answer = await ask(service, somebody(*roles, at=SA_PA, patient=uuid4()), RECORDING)
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


async def test_another_hospitals_recordings_and_unknown_ones_look_the_same(service: Service) -> None:
    for person, recording_id in ((somebody("doctor", at=uuid4()), RECORDING), (somebody("doctor", at=SA_PA), uuid4())):
        answer = await ask(service, person, recording_id)
        assert answer["errors"][0]["extensions"]["code"] == "RECORDING_NOT_OPEN"
