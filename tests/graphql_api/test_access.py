"""Reading is denied unless something allows it; the same answer for queries, subscriptions and the feed."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from domain._kernel import Actor, Role
from graphql_api.access import AccessDenied, Scope, Viewer, scope_of_cases, scope_of_log, scope_of_whole_log, visible
from graphql_api.viewer import viewer_of
from projections._page import EVERYTHING
from projections._view import Content, View, every_view
from tests.graphql_api.service import Service, somebody
from tests.graphql_api.world import a_facility

FEED = "subscription { events(after: 0) { position events { name streamId data } } }"


def viewer(*roles: Role, facility: UUID | None = None, patient: UUID | None = None) -> Viewer:
    actor = Actor(id=uuid4(), roles=frozenset(roles), facility_id=facility, patient_id=patient)
    return Viewer(actor, somebody().expires_at)


def allowed(who: Viewer, view: View) -> bool:
    try:
        visible(who, view)
    except AccessDenied:
        return False
    return True


STAFF = {Role.DOCTOR, Role.NURSE, Role.COORDINATOR}
NETWORK = STAFF | {Role.REGISTRAR, Role.AUDITOR, Role.ANALYST, Role.OPERATOR}
WHO_READS = {
    Content.CASE: STAFF | {Role.PATIENT},
    Content.NETWORK: NETWORK,
    Content.FIGURES: NETWORK,
    Content.OVERSIGHT: NETWORK,
    Content.INTERNAL: set[Role](),
}


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_exactly_what_it_is_for(role: Role) -> None:
    who = viewer(role, facility=uuid4(), patient=uuid4())
    for view in every_view():
        assert allowed(who, view) is (role in WHO_READS[view.content]), (role, view.name)


def test_without_a_role_nothing_is_open() -> None:
    assert not any(allowed(viewer(facility=uuid4(), patient=uuid4()), view) for view in every_view())


def test_staff_without_a_facility_sees_no_case() -> None:
    with pytest.raises(AccessDenied):
        scope_of_cases(viewer(Role.DOCTOR))


def test_cases_are_limited_to_the_own_facility_and_the_own_person() -> None:
    facility, patient = uuid4(), uuid4()
    assert scope_of_cases(viewer(Role.DOCTOR, facility=facility)).parties == frozenset({facility})
    assert scope_of_cases(viewer(Role.PATIENT, facility=facility, patient=patient)).parties == frozenset({patient})
    both = viewer(Role.DOCTOR, Role.PATIENT, facility=facility, patient=patient)
    assert scope_of_cases(both).parties == frozenset({facility, patient})
    for view in every_view():
        if view.content is Content.CASE:
            assert visible(both, view) != EVERYTHING, view.name


def test_what_is_about_a_patient_is_the_patients_own_whatever_case_it_stands_in() -> None:
    patient, other = uuid4(), uuid4()
    scope = scope_of_cases(viewer(Role.PATIENT, patient=patient))
    assert scope.admits(frozenset(), about=patient)
    assert not scope.admits(frozenset(), about=other)
    assert not scope.admits(frozenset(), about=None)


def test_staff_get_nothing_of_a_patient_by_having_a_patient_id() -> None:
    doctor = viewer(Role.DOCTOR, facility=uuid4(), patient=(patient := uuid4()))
    assert not scope_of_cases(doctor).admits(frozenset({patient}), about=patient)


def test_an_auditor_sees_the_whole_log_and_no_clinical_content() -> None:
    scope = scope_of_log(viewer(Role.AUDITOR))
    assert (scope.parties, scope.clinical) == (None, False)


@pytest.mark.parametrize("scope_of", [scope_of_log, scope_of_whole_log])
def test_analysts_find_no_ids_here_beside_the_pseudonyms_of_open_data(scope_of: Callable[[Viewer], Scope]) -> None:
    with pytest.raises(AccessDenied):
        scope_of(viewer(Role.ANALYST, facility=uuid4()))


def test_roles_of_other_systems_open_nothing() -> None:
    assert viewer_of(somebody("root", "doctor")).actor.roles == {Role.DOCTOR}


async def test_the_feed_holds_only_the_cases_of_the_own_facility(service: Service) -> None:
    mine, coordinator = await a_facility(service)
    theirs, _ = await a_facility(service, "Bệnh viện khác")
    async with service.subscribe(coordinator, FEED) as subscription:
        events = (await subscription.next())["events"]["events"]
        while not events:
            events = (await subscription.next())["events"]["events"]
    streams = {event["streamId"] for event in events}
    assert str(mine) in streams
    assert str(theirs) not in streams


async def test_a_query_that_is_denied_says_so_with_a_code(service: Service) -> None:
    async with service.client(somebody("auditor")) as client:
        answer = await client.ask(f'{{ referral(referralId: "{uuid4()}") {{ status }} }}')
    assert answer["data"] == {"referral": None}
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


async def test_a_subscription_that_is_denied_says_so_with_a_code(service: Service) -> None:
    query = f'subscription {{ referralInbox(receivingFacilityId: "{uuid4()}") {{ position }} }}'
    async with service.socket(somebody("auditor")) as socket:
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        answer = json.loads(await socket.recv())
    assert answer["type"] == "error"
    assert answer["payload"][0]["extensions"]["code"] == "ACCESS_DENIED"
