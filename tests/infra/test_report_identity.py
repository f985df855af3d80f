"""A report is the same bytes in every process, time zone and locale, on every server, whatever the views say."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

import pytest

from infra.audit.definitions import Installed, digest, installed
from infra.audit.sealing import computed
from infra.event_log import after, head
from infra.event_store import PostgresEventStore
from infra.mapper import COLUMNS
from infra.postgres import connect
from infra.rebuild import rebuild
from projections._view import every_view
from tests.debian_postgres import debian_postgres
from tests.inline_worker import InlineWorker
from tests.own_postgres import fresh_database
from tests.product import ROOT
from tests.report_digests import ORIGIN, digests
from tests.story_network import BACH_MAI, CONSULTATION, PATIENT_OF_THAI_NGUYEN
from tests.story_twists import everything
from tests.storyteller import Story

if TYPE_CHECKING:
    from tests.conftest import Stack

RUNS = 3
ANSWERS = {"month": "2020-08", "year": "2020", "date": "2020-08-27", "code": "01"}
IDS = {"consultation": CONSULTATION, "patient": PATIENT_OF_THAI_NGUYEN, "facility": BACH_MAI}


def asked_of(one: Installed) -> dict[str, str]:
    """Parameters of which the story tells something."""
    wanted = [parameter for parameter in one.definition.parameters if parameter.required]
    return {p.name: str(IDS[p.name]) if p.kind == "id" else ANSWERS[p.kind] for p in wanted}


def parameters() -> dict[str, dict[str, str]]:
    return {name: asked_of(one) for name, one in installed().items()}


@pytest.fixture(scope="module")
async def told(stack: Stack) -> AsyncIterator[tuple[str, int]]:
    """A log in which everything has happened that can happen, and its last position."""
    async with fresh_database(stack.dsn) as dsn:
        store = PostgresEventStore(dsn)
        await everything(Story(store))
        await store.close()
        db = await connect(dsn)
        last = await head(db)
        await db.close()
        yield dsn, last


async def elsewhere(told: tuple[str, int], **environment: str) -> list[Mapping[str, str]]:
    """As a process with this environment finds them, run after run."""
    command = [sys.executable, "-m", "tests.report_digests", told[0], str(told[1]), json.dumps(parameters()), str(RUNS)]
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env={**inherited, "PYTHONPATH": str(ROOT), **environment}, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return [json.loads(line) for line in out.splitlines()]


async def test_the_bytes_are_those_of_every_process_time_zone_locale_and_hash_seed(told: tuple[str, int]) -> None:
    expected = await digests(*told, parameters())
    zones, locales, seeds = ("Asia/Ho_Chi_Minh", "America/Los_Angeles"), ("C", "vi_VN.UTF-8"), ("1", "4711")
    for zone, locale in itertools.product(zones, locales):
        plain = {"TZ": zone, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        found = await asyncio.gather(*(elsewhere(told, **plain, PYTHONHASHSEED=seed) for seed in seeds))
        assert found == [[expected] * RUNS] * len(seeds), plain


async def test_the_bytes_are_those_before_and_after_a_rebuild_of_all_views(told: tuple[str, int]) -> None:
    dsn, last = told
    worker = InlineWorker(dsn)
    before = await digests(dsn, last, parameters())
    await worker.start()
    db = await connect(dsn)
    while await db.fetchval("select position from relay_progress") < last:
        await asyncio.sleep(0.05)
    await worker.hold()
    for view in every_view():
        await rebuild(dsn, view)
    await worker.stop()
    await db.close()
    assert await digests(dsn, last, parameters()) == before


async def test_the_bytes_are_those_of_another_postgresql(told: tuple[str, int], stack: Stack) -> None:
    dsn, last = told
    here = await connect(dsn)
    rows = [tuple(row) for row in await here.fetch(f"select {COLUMNS} from events order by notification_id")]
    version = await here.fetchval("show server_version_num")
    async with debian_postgres() as server, fresh_database(server) as other:
        there = await connect(other)
        assert await there.fetchval("show server_version_num") != version, "it has to be another one"
        await there.copy_records_to_table("events", records=rows, columns=COLUMNS.split(", "))
        await there.execute("update head set position = $1", last)
        await there.close()
        assert await digests(other, last, parameters()) == await digests(dsn, last, parameters())
    await here.close()


async def test_what_is_recorded_later_changes_no_earlier_edition(told: tuple[str, int]) -> None:
    dsn, last = told
    middle = last // 2
    before = await digests(dsn, middle, parameters())
    db = await connect(dsn)
    changes = db.transaction()
    await changes.start()
    await db.execute("delete from events where notification_id > $1", middle)
    assert len(await after(db, 0, limit=last)) == middle
    one = installed()["activity"]
    alone = digest((await computed(db, one, asked_of(one), middle, ORIGIN)).manifest)
    await changes.rollback()
    await db.close()
    assert alone == before["activity"]
