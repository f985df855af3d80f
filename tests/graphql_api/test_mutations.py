"""Commands through GraphQL: what was accepted and what was refused are both data."""

from __future__ import annotations

from uuid import uuid4

from commands._command import camel, every_command
from graphql_api.schema import build_schema, executable
from tests.graphql_api.service import Service, somebody
from tests.graphql_api.world import a_facility, measure, registration


async def test_an_accepted_command_tells_where_it_stands_in_the_log(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    async with service.client(coordinator) as client:
        answer = await measure(client, facility_id)
    assert answer["__typename"] == "CommandAccepted"
    assert answer["aggregateId"] == str(facility_id)
    assert answer["version"] == 2
    assert answer["position"] > 1


async def test_the_same_command_id_gets_the_first_answer_and_has_one_effect(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    command_id = str(uuid4())
    async with service.client(coordinator) as client:
        first = await measure(client, facility_id, commandId=command_id)
        again = await measure(client, facility_id, commandId=command_id)
        after = await measure(client, facility_id)
    assert again == first
    assert after["version"] == first["version"] + 1


async def test_a_command_id_is_not_used_for_two_requests(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    command_id = str(uuid4())
    async with service.client(coordinator) as client:
        await measure(client, facility_id, commandId=command_id)
        answer = await measure(client, facility_id, instrument="another", commandId=command_id)
    assert (answer["code"], answer["field"]) == ("COMMAND_ID_REUSED", "commandId")


async def test_a_client_that_read_an_old_version_is_told_so(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    async with service.client(coordinator) as client:
        await measure(client, facility_id)
        answer = await measure(client, facility_id, expectedVersion=1)
    assert (answer["code"], answer["field"]) == ("VERSION_CONFLICT", "expectedVersion")


async def test_a_refusal_is_data_with_a_code_and_a_sentence(service: Service) -> None:
    facility_id, _ = await a_facility(service)
    async with service.client(somebody("nurse", at=facility_id)) as client:
        answer = await measure(client, facility_id)
    assert answer["__typename"] == "CommandRejected"
    assert answer["code"] == "ROLE_NOT_ALLOWED"
    assert "coordinator" in answer["message"]


async def test_wrong_input_names_the_field_by_its_path(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    async with service.client(coordinator) as client:
        line = {"bitrateKbps": -1, "delayMs": 20, "lossPercent": "0.1"}
        answer = await client.command(
            "measureLine", {"facilityId": str(facility_id), "line": line, "instrument": "iperf3"}
        )
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "line.bitrateKbps")


async def test_what_is_recorded_must_have_happened(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    async with service.client(coordinator) as client:
        answer = await measure(client, facility_id, clinicalTime="2099-01-01T00:00:00Z")
    assert (answer["code"], answer["field"]) == ("CLINICAL_TIME_IN_FUTURE", "clinicalTime")


async def test_nothing_of_a_refused_command_is_in_the_log(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    async with service.client(somebody("registrar")) as registrar:
        answer = await registrar.command("registerFacility", registration(facility_id))
    assert answer["code"] == "NOT_IN_THIS_STATUS"
    async with service.client(coordinator) as client:
        assert (await measure(client, facility_id))["version"] == 2


def test_every_command_is_a_mutation() -> None:
    mutation = executable(build_schema()).mutation_type
    assert mutation is not None
    product = {camel(name) for name, kind in every_command().items() if kind.__module__.startswith("commands.")}
    assert product <= set(mutation.fields)
    assert all(mutation.fields[name].description for name in product)
