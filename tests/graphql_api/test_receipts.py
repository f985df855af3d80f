"""A receipt is a promise that its holder can check alone, and that the log cannot go back on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.audit.receipts import Accepted, ReceiptDesk
from infra.postgres import connect
from projections.audit._keys import Kind, PrivateKey
from projections.audit.verifier import Policy, Refused, check_receipt
from tests.audit_office import LOG, ORIGIN, Office, signed
from tests.graphql_api.service import Client, Person, Service
from tests.graphql_api.world import a_facility

DESK = PrivateKey(f"{ORIGIN}/receipts", Kind.ED25519, bytes(range(5, 37)))
POLICY = Policy.read(f"log {LOG.public.text()}\nlog {DESK.public.text()}\nquorum none")
MEASURE = """
    mutation($input: MeasureLineInput!, $id: UUID!) { answer: measureLine(input: $input, commandId: $id) {
        ... on CommandAccepted { position receipt } } }
"""
REDEEM = "query($position: Position!) { inclusionProof(position: $position) { leaf proof checkpoint { size note } } }"
LINE = {"bitrateKbps": 8000, "delayMs": 20, "lossPercent": "0.1"}


@pytest.fixture
async def with_receipts(service: Service) -> AsyncIterator[Service]:
    desk = ReceiptDesk(service.services.reader, ORIGIN, [DESK])
    service.services.receipts = desk
    yield service
    service.services.receipts = None
    await desk.close()


async def measured(client: Client, facility_id: object, command_id: str | None = None) -> dict[str, Any]:
    given = {"facilityId": str(facility_id), "line": LINE, "instrument": "iperf3"}
    answer = await client.ask(MEASURE, input=given, id=command_id or str(uuid4()))
    found: dict[str, Any] = answer["data"]["answer"]
    return found


async def test_a_receipt_names_the_command_and_its_events_and_holds_offline(with_receipts: Service) -> None:
    facility_id, coordinator = await a_facility(with_receipts)
    command_id = str(uuid4())
    async with with_receipts.client(coordinator) as client:
        answer = await measured(client, facility_id, command_id)
        again = await measured(client, facility_id, command_id)
    promise = check_receipt(answer["receipt"], POLICY)
    assert promise["command"] == command_id
    assert promise["stream"] == f"{facility_id} 2"
    assert list(promise["events"]) == [answer["position"]]
    assert check_receipt(again["receipt"], POLICY)["events"] == promise["events"]
    assert len(answer["receipt"]) < 1_000


async def test_receipts_of_one_moment_share_a_signature_and_each_stands_alone(with_receipts: Service) -> None:
    async def one(facility_id: UUID, coordinator: Person) -> dict[str, Any]:
        async with with_receipts.client(coordinator) as client:
            return await measured(client, facility_id)

    there = [await a_facility(with_receipts) for _ in range(8)]
    answers = await asyncio.gather(*(one(*known) for known in there))
    promises = [check_receipt(answer["receipt"], POLICY) for answer in answers]
    assert [list(promise["events"]) for promise in promises] == [[answer["position"]] for answer in answers]


async def test_a_receipt_is_redeemed_for_a_proof_that_it_was_kept(
    with_receipts: Service, log_dsn: str, tmp_path: Path
) -> None:
    facility_id, coordinator = await a_facility(with_receipts)
    async with with_receipts.client(coordinator) as client:
        answer = await measured(client, facility_id)
        early = await client.ask(REDEEM, position=answer["position"])
        assert early["errors"][0]["extensions"]["code"] == "NOT_YET_COVERED"
        none = await client.ask(REDEEM, position=answer["position"] + 1_000)
        assert none["errors"][0]["extensions"]["code"] == "NO_SUCH_POSITION"
        async with Office(log_dsn, tmp_path).keeping():
            await signed(log_dsn, answer["position"])
        proof = (await client.ask(REDEEM, position=answer["position"]))["data"]["inclusionProof"]
        kept = await client.ask("{ checkpoint { size root note signedAt } }")
        other = await measured(client, facility_id)
    assert check_receipt(answer["receipt"], POLICY, proof["proof"])["kept"] == proof["checkpoint"]["size"]
    assert kept["data"]["checkpoint"]["note"] == proof["checkpoint"]["note"]
    with pytest.raises(Refused):
        check_receipt(other["receipt"], POLICY, proof["proof"])


async def test_a_log_that_leaves_the_promised_event_out_is_found(with_receipts: Service, log_dsn: str) -> None:
    facility_id, coordinator = await a_facility(with_receipts)
    async with with_receipts.client(coordinator) as client:
        answer = await measured(client, facility_id)
    db = await connect(log_dsn)
    transaction = db.transaction()
    await transaction.start()
    await db.execute("update events set state = state || ' '::bytea where notification_id = $1", answer["position"])
    other = ReceiptDesk(_Reader(db), ORIGIN, [DESK])
    changed = await other.receipt(Accepted(uuid4(), facility_id, 2, answer["position"]))
    await transaction.rollback()
    await db.close()
    position = answer["position"]
    promised = check_receipt(answer["receipt"], POLICY)["events"][position]
    assert check_receipt(changed, POLICY)["events"][position] != promised


class _Reader:
    """One connection in the place of a pool."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def acquire(self) -> _Reader:
        return self

    async def __aenter__(self) -> Any:
        return self._db

    async def __aexit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(("old", "new"), [("event ", "event 1"), ("within 60", "within 90"), ("command ", "command 0")])
async def test_a_promise_that_was_changed_is_refused(with_receipts: Service, old: str, new: str) -> None:
    facility_id, coordinator = await a_facility(with_receipts)
    async with with_receipts.client(coordinator) as client:
        receipt = (await measured(client, facility_id))["receipt"]
    with pytest.raises(Refused):
        check_receipt(receipt.replace(old, new, 1), POLICY)
    with pytest.raises(Refused):
        check_receipt(receipt, Policy.read(f"log {LOG.public.text()}\nquorum none"))
