"""Reports are sealed once, only with cosignatures, and with the same bytes whatever happened on the way."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from domain.report import Report, ReportFailed, ReportParameter, ReportSealed, ReportSuperseded
from infra.audit.definitions import installed
from infra.local.kinship import tethered
from infra.postgres import connect
from projections.audit._checkpoint import read_checkpoint
from projections.audit._note import read_note
from projections.audit.reports._kit import Definition, Result, State
from tests.inline_worker import InlineWorker
from tests.report_desk import AUGUST, Desk, desk
from tests.story import launch_day
from tests.storyteller import Story


@pytest.fixture
async def at_the_desk(log_database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """The launch day is told, and the views follow the log."""
    worker = InlineWorker(log_database)
    async with desk(log_database, tmp_path) as found:
        await launch_day(Story(found.store))
        await worker.start()
        yield found
        await worker.stop()


def manifest_of(at: Desk, sealed: ReportSealed) -> dict[str, object]:
    found: dict[str, object] = json.loads(at.blobs.get(sealed.manifest.sha256))
    return found


async def test_what_was_asked_for_is_sealed_with_a_cosigned_checkpoint_that_covers_it(at_the_desk: Desk) -> None:
    async with at_the_desk.office.witness() as url, at_the_desk.office.keeping(url), at_the_desk.open():
        run_id = await at_the_desk.ask()
        sealed = await at_the_desk.ended(run_id)
    assert isinstance(sealed, ReportSealed), sealed
    assert sealed.checkpoint_size >= sealed.position
    assert read_checkpoint(read_note(sealed.checkpoint).text).size == sealed.checkpoint_size
    assert len(sealed.cosigned_by) == 2
    manifest = manifest_of(at_the_desk, sealed)
    assert manifest["position"] == sealed.position
    files = {one["name"]: one["sha256"] for one in manifest["files"]}  # type: ignore[attr-defined]
    assert files["result.json"] == sealed.result_sha256
    assert all(sha256(at_the_desk.blobs.get(one)).hexdigest() == one for one in files.values())
    result = json.loads(at_the_desk.blobs.get(sealed.result_sha256))
    figures = {one["name"]: one["value"] for one in result["sections"][0]["figures"]}
    assert figures == {"consultation": 1, "examination": 1, "referral": 2}


async def test_without_cosignatures_nothing_is_sealed_and_the_run_says_so(at_the_desk: Desk) -> None:
    async with at_the_desk.office.keeping(), at_the_desk.open(cosigned_within_s=1.5):
        failed = await at_the_desk.ended(await at_the_desk.ask())
    assert isinstance(failed, ReportFailed)
    assert failed.code == "NOT_COSIGNED"


async def test_a_run_waits_for_its_witness_and_is_sealed_when_it_is_back(at_the_desk: Desk) -> None:
    async with at_the_desk.office.keeping(), at_the_desk.open():
        run_id = await at_the_desk.ask()
        await asyncio.sleep(1.5)
        assert len(await at_the_desk.of_run(run_id)) == 1
    async with at_the_desk.office.witness() as url, at_the_desk.office.keeping(url), at_the_desk.open():
        await at_the_desk.ask()  # The log grows, so that there is something to cosign.
        assert isinstance(await at_the_desk.ended(run_id), ReportSealed)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"as_of_position": 1_000_000}, "AS_OF_NOT_REACHED"),
        ({"as_of_time": datetime(2999, 1, 1, tzinfo=UTC)}, "AS_OF_NOT_REACHED"),
        ({"as_of_time": datetime(1999, 1, 1, tzinfo=UTC)}, "AS_OF_BEFORE_THE_LOG"),
    ],
)
async def test_what_the_log_does_not_hold_is_refused_with_a_code(
    at_the_desk: Desk, asked: dict[str, object], code: str
) -> None:
    async with at_the_desk.open():
        failed = await at_the_desk.ended(await at_the_desk.ask(**asked))
    assert failed.code == code


async def test_an_event_that_cannot_be_read_is_named_without_its_content(at_the_desk: Desk) -> None:
    db = await connect(at_the_desk.dsn)
    change = "update events set state = '{\"secret\": 1}'::bytea where topic = 'consultation.planned'"
    await db.execute(change)
    position = await db.fetchval("select min(notification_id) from events where topic = 'consultation.planned'")
    await db.close()
    async with at_the_desk.office.witness() as url, at_the_desk.office.keeping(url), at_the_desk.open():
        failed = await at_the_desk.ended(await at_the_desk.ask())
    assert failed.code == "REPORT_EVENT_UNREADABLE"
    assert f"position {position}: consultation.planned" in failed.reason
    assert "secret" not in failed.reason


async def test_a_definition_that_breaks_is_told_and_holds_up_no_other_report(at_the_desk: Desk) -> None:
    good = installed()["activity"]
    words = good.definition.title

    def breaks(state: State) -> Result:
        raise KeyError("words of a patient")

    broken = Definition("activity", version=9, title=words, start=State, parameters=good.definition.parameters)
    broken.results(breaks)
    known = {**installed(), "activity": replace(good, definition=broken)}
    day = (ReportParameter(name="day", value="2020-08-31"),)
    office = at_the_desk.office
    async with office.witness() as url, office.keeping(url), at_the_desk.open(definitions=lambda: known):
        failed = await at_the_desk.ended(await at_the_desk.ask())
        other = await at_the_desk.ask(definition="deployment_progress", parameters=day)
        sealed = await at_the_desk.ended(other, Report.id_of("deployment_progress", day))
    assert (failed.code, failed.reason) == ("REPORT_DEFINITION_BROKEN", "activity: KeyError")
    assert isinstance(sealed, ReportSealed)


async def test_the_report_as_of_a_position_is_the_same_whenever_it_is_computed(at_the_desk: Desk) -> None:
    async with at_the_desk.office.witness() as url, at_the_desk.office.keeping(url), at_the_desk.open():
        first = await at_the_desk.ended(await at_the_desk.ask(as_of_position=40))
        later = await at_the_desk.ended(await at_the_desk.ask())
        again = await at_the_desk.ended(await at_the_desk.ask(as_of_position=40))
    assert (first.manifest, first.result_sha256) == (again.manifest, again.result_sha256)
    assert later.result_sha256 != first.result_sha256
    assert [first.edition, later.edition, again.edition] == [1, 2, 3]
    history = [at.event for at in await at_the_desk.history(Report.id_of("activity", AUGUST))]
    superseded = [one for one in history if isinstance(one, ReportSuperseded)]
    assert [(one.run_id, one.by_run_id, one.figures_changed) for one in superseded] == [
        (first.run_id, later.run_id, True)
    ]


async def test_another_parameter_is_another_report(at_the_desk: Desk) -> None:
    july = (ReportParameter(name="month", value="2020-07"),)
    async with at_the_desk.office.witness() as url, at_the_desk.office.keeping(url), at_the_desk.open():
        sealed = await at_the_desk.ended(await at_the_desk.ask(parameters=july), Report.id_of("activity", july))
    assert sealed.edition == 1
    result = json.loads(at_the_desk.blobs.get(sealed.result_sha256))
    assert [one["value"] for one in result["sections"][0]["figures"]] == [0, 0, 0]


def spawn(at: Desk) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.report_desk", at.dsn, str(at.home / "blobs")]
    return subprocess.Popen(tethered(command, orphan_signal=signal.SIGKILL))


async def test_an_office_killed_at_random_moments_seals_every_run_exactly_once(at_the_desk: Desk) -> None:
    dice = Random(96)
    async with at_the_desk.office.witness() as url, at_the_desk.office.keeping(url):
        runs = []
        child = spawn(at_the_desk)
        for _ in range(6):
            runs.append(await at_the_desk.ask(as_of_position=60))
            await asyncio.sleep(dice.uniform(0.05, 1.6))
            child.kill()
            child.wait()
            child = spawn(at_the_desk)
        ends = [await at_the_desk.ended(run_id) for run_id in runs]
        child.kill()
        child.wait()
    history = [at.event for at in await at_the_desk.history(Report.id_of("activity", AUGUST))]
    over = [one.run_id for one in history if isinstance(one, ReportSealed | ReportFailed)]
    assert sorted(over) == sorted(runs)
    assert len({(one.manifest.sha256, one.result_sha256) for one in ends}) == 1


async def test_two_offices_seal_once(at_the_desk: Desk) -> None:
    office = at_the_desk.office
    async with office.witness() as url, office.keeping(url), at_the_desk.open() as one, at_the_desk.open() as other:
        async with asyncio.timeout(60):
            while not {"role"} <= one.details.keys() & other.details.keys():
                await asyncio.sleep(0.02)
        runs = [await at_the_desk.ask() for _ in range(3)]
        ends = [await at_the_desk.ended(run_id) for run_id in runs]
        assert {one.details["role"], other.details["role"]} == {"active", "standby"}
    assert [one.edition for one in ends] == [1, 2, 3]
    assert all(later.position >= former.position for former, later in pairwise(ends))


async def test_the_time_of_the_last_event_is_a_time_that_can_be_asked_for(at_the_desk: Desk) -> None:
    history = await at_the_desk.history(Report.id_of("activity", AUGUST))
    assert history == []
    async with at_the_desk.office.witness() as url, at_the_desk.office.keeping(url), at_the_desk.open():
        now = await at_the_desk.ended(await at_the_desk.ask(as_of_time=datetime.now(UTC) - timedelta(milliseconds=1)))
        by_position = await at_the_desk.ended(await at_the_desk.ask(as_of_position=now.position))
    assert now.manifest == by_position.manifest
