"""A report over the API: asked for, followed, sealed, downloaded by those who may, and seen by auditors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest

from domain.report import Report
from graphql_api.access import AccessDenied
from infra.audit.definitions import installed
from tests.graphql_api.service import Person, Service, somebody
from tests.report_desk import AUGUST, Desk, desk
from tests.story import launch_day
from tests.story_network import CONSULTATION, SA_PA
from tests.storyteller import Story

RUN = "runId status edition progressPercent resultSha256 requestedBy ground supersededBy cosignedBy failureCode"
FOLLOW = f"subscription($id: UUID!) {{ reportRuns(reportId: $id) {{ position events {{ name }} runs {{ {RUN} }} }} }}"
ASK = {"definition": "activity", "parameters": [{"name": "month", "value": "2020-08"}], "ground": "Kiểm tra tháng."}
REPORT_ID = Report.id_of("activity", AUGUST)


@pytest.fixture(scope="module")
async def at(service: Service, log_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The launch day on the API's log, and an office that seals."""
    async with AsyncExitStack() as ends:
        found = await ends.enter_async_context(desk(log_dsn, tmp_path_factory.mktemp("desk")))
        await launch_day(Story(found.store))
        url = await ends.enter_async_context(found.office.witness())
        await ends.enter_async_context(found.office.keeping(url))
        await ends.enter_async_context(found.open())
        service.services.blobs = found.blobs
        yield found
        service.services.blobs = None


async def asked(service: Service, person: Person, **more: Any) -> int:
    """The position of the request."""
    async with service.client(person) as client:
        answer = await client.command("requestReport", {**ASK, **more})
    assert answer["__typename"] == "CommandAccepted", answer
    position: int = answer["position"]
    return position


async def run_at(service: Service, person: Person, position: int) -> dict[str, Any]:
    """The run that was asked for at this position, once it is over."""
    query = f"{{ reportRuns(first: 50) {{ nodes {{ requestedPosition {RUN} }} }} }}"
    for _ in range(900):
        async with service.client(person) as client:
            nodes = (await client.ask(query))["data"]["reportRuns"]["nodes"]
        for one in nodes:
            if one["requestedPosition"] == position and one["status"] != "REQUESTED":
                found: dict[str, Any] = one
                return found
        await asyncio.sleep(0.1)
    raise AssertionError("the run did not end")


async def get(service: Service, person: Person | None, run_id: str, name: str, **headers: str) -> httpx.Response:
    who = {"authorization": person.token} if person is not None else {}
    async with httpx.AsyncClient() as client:
        return await client.get(f"{service.url}/reports/{run_id}/{name}", headers={**who, **headers})


async def test_an_auditor_asks_follows_and_downloads(service: Service, at: Desk) -> None:
    auditor = somebody("auditor")
    async with service.subscribe(auditor, FOLLOW, id=str(REPORT_ID)) as following:
        await following.next()
        position = await asked(service, auditor)
        seen: list[str] = []
        while "SEALED" not in seen:
            update = (await following.next(within_s=90))["reportRuns"]
            seen += [run["status"] for run in update["runs"] if run["requestedBy"] == str(auditor.subject)]
    assert seen[0] == "REQUESTED"
    run = await run_at(service, auditor, position)
    assert (run["progressPercent"], run["ground"], len(run["cosignedBy"])) == (100, "Kiểm tra tháng.", 2)
    manifest = (await get(service, auditor, run["runId"], "manifest.json")).json()
    for one in manifest["files"]:
        answer = await get(service, auditor, run["runId"], one["name"])
        assert (answer.status_code, sha256(answer.content).hexdigest()) == (200, one["sha256"])
        assert answer.headers["content-type"].startswith(one["media_type"])
    assert (await get(service, auditor, run["runId"], "checkpoint")).text.startswith("log.test/one\n")


async def test_the_pages_are_for_those_who_may_read_the_files(service: Service, at: Desk) -> None:
    analyst = somebody("analyst")
    run = await run_at(service, analyst, await asked(service, analyst))
    for name, media_type in (("page.vi.html", "text/html"), ("page.en.pdf", "application/pdf")):
        answer = await get(service, analyst, run["runId"], name)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media_type)
    assert (await get(service, analyst, run["runId"], "page.fr.html")).status_code == 404
    assert (await get(service, None, run["runId"], "page.vi.html")).status_code == 401
    assert (await get(service, somebody("patient"), run["runId"], "page.vi.html")).status_code == 403


async def test_a_part_of_a_file_can_be_asked_for(service: Service, at: Desk) -> None:
    analyst = somebody("analyst")
    run = await run_at(service, analyst, await asked(service, analyst))
    whole = await get(service, analyst, run["runId"], "result.json")
    part = await get(service, analyst, run["runId"], "result.json", range="bytes=10-29")
    assert (part.status_code, part.content) == (206, whole.content[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{len(whole.content)}"
    assert whole.headers["etag"] == f'"{run["resultSha256"]}"'
    beyond = await get(service, analyst, run["runId"], "result.json", range=f"bytes={len(whole.content)}-")
    assert beyond.status_code == 416


async def test_a_later_edition_takes_the_place_of_the_one_before(service: Service, at: Desk) -> None:
    auditor = somebody("auditor")
    first = await run_at(service, auditor, await asked(service, auditor))
    second = await run_at(service, auditor, await asked(service, auditor))
    async with service.client(auditor) as client:
        query = f"query($id: UUID!) {{ reportRun(runId: $id) {{ {RUN} figuresChanged }} }}"
        former = (await client.ask(query, id=first["runId"]))["data"]["reportRun"]
    assert (former["status"], former["supersededBy"]) == ("SUPERSEDED", second["runId"])
    assert former["figuresChanged"] is False
    assert second["edition"] == first["edition"] + 1


async def test_what_was_computed_anew_is_put_on_record(service: Service, at: Desk) -> None:
    auditor = somebody("auditor")
    run = await run_at(service, auditor, await asked(service, auditor))
    async with service.client(auditor) as client:
        for digest in (run["resultSha256"], "00" * 32):
            given = {"reportId": str(REPORT_ID), "runId": run["runId"], "resultSha256": digest}
            assert (await client.command("verifyReport", given))["__typename"] == "CommandAccepted"
        await service.settled()
        query = "query($id: UUID!) { reportRun(runId: $id) { verifications { by agrees } } }"
        found = (await client.ask(query, id=run["runId"]))["data"]["reportRun"]["verifications"]
    assert found == [{"by": str(auditor.subject), "agrees": agrees} for agrees in (True, False)]


async def test_who_asked_for_what_is_seen_by_auditors_and_by_nobody_else_but_oneself(
    service: Service, at: Desk
) -> None:
    analyst, other, auditor = somebody("analyst"), somebody("analyst"), somebody("auditor")
    position = await asked(service, analyst)
    assert (await run_at(service, analyst, position))["requestedBy"] == str(analyst.subject)
    assert (await run_at(service, auditor, position))["requestedBy"] == str(analyst.subject)
    async with service.client(other) as client:
        answer = await client.ask(f"{{ reportRuns(first: 50) {{ nodes {{ {RUN} }} }} }}")
    assert answer["data"]["reportRuns"]["nodes"] == []
    async with service.client(somebody("patient", patient=uuid4())) as client:
        answer = await client.ask(f"{{ reportRuns(first: 1) {{ nodes {{ {RUN} }} }} }}")
    assert answer["errors"][0]["extensions"]["code"] == AccessDenied.code


@pytest.mark.parametrize(
    ("person", "status", "code"),
    [
        (None, 401, "TOKEN_MISSING"),
        (somebody("patient", patient=uuid4()), 403, "ACCESS_DENIED"),
        (somebody("auditor"), 404, "REPORT_FILE_UNKNOWN"),
    ],
)
async def test_a_file_is_for_those_who_may_and_is_one_of_the_manifest(
    service: Service, at: Desk, person: Person | None, status: int, code: str
) -> None:
    auditor = somebody("auditor")
    run = await run_at(service, auditor, await asked(service, auditor))
    answer = await get(service, person, run["runId"], "kit.py")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code)
    assert (await get(service, auditor, str(uuid4()), "manifest.json")).status_code == 404
    for name in ("../manifest.json", "%2e%2e/%2e%2e/audit/log.key", "tables/", ""):
        assert (await get(service, auditor, run["runId"], name)).status_code == 404


async def test_damaged_bytes_are_never_handed_out(service: Service, at: Desk) -> None:
    auditor = somebody("auditor")
    july = [{"name": "month", "value": "2020-07"}]
    run = await run_at(service, auditor, await asked(service, auditor, parameters=july))
    file = at.blobs.verified(run["resultSha256"])
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b" ")
    answer = await get(service, auditor, run["runId"], "result.json")
    file.write_bytes(content)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (500, "REPORT_FILE_DAMAGED")


async def test_an_auditor_reads_the_envelope_of_the_log_page_by_page(service: Service, at: Desk) -> None:
    query = """query($after: Position!, $names: [String!], $stream: UUID) {
        log(after: $after, first: 20, names: $names, streamId: $stream) {
            reached end events { position name streamId recordedAt clinicalTime author { id } data } } }"""
    async with service.client(somebody("auditor")) as client:
        seen, reached = [], 0
        while True:
            page = (await client.ask(query, after=reached))["data"]["log"]
            seen += page["events"]
            reached = page["reached"]
            if reached >= page["end"]:
                break
        assert [one["position"] for one in seen] == list(range(1, reached + 1))
        assert "Đau ngực cấp" not in json.dumps(seen, ensure_ascii=False)
        names = ["report.requested"]
        of_reports = (await client.ask(query, after=0, names=names))["data"]["log"]["events"]
        assert {one["name"] for one in of_reports} == set(names)
        stream = (await client.ask(query, after=0, stream=str(CONSULTATION)))["data"]["log"]["events"]
        assert {one["streamId"] for one in stream} == {str(CONSULTATION)}
    async with service.client(somebody("doctor", at=SA_PA)) as client:
        refused = await client.ask(query, after=0)
    assert refused["errors"][0]["extensions"]["code"] == AccessDenied.code


async def test_the_reports_that_may_be_asked_for_are_told_with_their_parameters(service: Service) -> None:
    query = "{ reportDefinitions { name version titleVi titleEn content askedBy parameters { name form required } } }"
    async with service.client(somebody("auditor")) as client:
        found = (await client.ask(query))["data"]["reportDefinitions"]
    assert [one["name"] for one in found] == list(installed())
    activity = next(one for one in found if one["name"] == "activity")
    assert activity["parameters"][0] == {"name": "month", "form": "MONTH", "required": True}
    assert "AUDITOR" in activity["askedBy"]


async def test_a_request_that_the_rules_refuse_says_why(service: Service) -> None:
    async with service.client(somebody("auditor")) as client:
        answer = await client.command("requestReport", {**ASK, "parameters": []})
    assert (answer["code"], answer["field"]) == ("REPORT_PARAMETER_MISSING", "parameters")


async def test_a_report_about_a_case_is_for_those_who_have_to_do_with_the_case(service: Service, at: Desk) -> None:
    doctor, elsewhere, auditor = somebody("doctor", at=SA_PA), somebody("doctor", at=uuid4()), somebody("auditor")
    about = [{"name": "consultation", "value": str(CONSULTATION)}]
    run = await run_at(service, doctor, await asked(service, doctor, definition="minutes", parameters=about))
    answer = await get(service, doctor, run["runId"], "result.json")
    assert "Can thiệp ngay không?" in answer.text
    for person, status, code in ((elsewhere, 404, "REPORT_FILE_UNKNOWN"), (auditor, 403, "ACCESS_DENIED")):
        for name in ("result.json", "manifest.json", "checkpoint"):
            refused = await get(service, person, run["runId"], name)
            assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (status, code)
    seen = await run_at(service, auditor, await asked(service, auditor))
    assert seen["status"] == "SEALED"
    async with service.client(auditor) as client:
        query = "query($id: UUID!) { reportRun(runId: $id) { definition resultSha256 } }"
        told = (await client.ask(query, id=run["runId"]))["data"]["reportRun"]
    assert told == {"definition": "minutes", "resultSha256": run["resultSha256"]}
