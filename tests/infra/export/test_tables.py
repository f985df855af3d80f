"""What an analyst finds in the files is what the log and the views hold, and nothing that tells who somebody is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from domain._kernel import Event, Recorded
from domain._personal import personal_fields
from domain._values import Code, Count, local_day
from domain.examination import ImageCaptured
from infra.event_log import all_after, head
from infra.export.event_tables import TwoTypes, event_tables
from infra.export.events import UnknownKind, export_events
from infra.export.manifest import File, Manifest, Selection
from infra.export.run import Wanted, export
from infra.export.views import NoSuchView, views_for_analysts
from infra.mapper import to_recorded
from infra.open_form import OpenForm
from infra.open_keys import key_id
from infra.postgres import Connection, connect
from projections._page import EVERYTHING
from projections._view import Content, create, every_view
from projections.deployment_progress import deployment_progress
from tests.infra.export.conftest import KEY, asked


@pytest.fixture(scope="module")
async def exported(story_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "tables"
    await export(story_dsn, Wanted(folder), KEY)
    return folder


@pytest.fixture
async def story_db(story_dsn: str) -> Any:
    db = await connect(story_dsn)
    yield db
    await db.close()


async def history(db: Connection) -> list[Recorded]:
    return [to_recorded(one) async for chunk in all_after(db, 0, await head(db)) for one in chunk]


async def test_every_event_is_in_the_table_of_its_aggregate_once_and_on_its_day(
    exported: Path, story_db: Connection
) -> None:
    happened = await history(story_db)
    for aggregate in {at.event.name.partition(".")[0] for at in happened}:
        own = [at for at in happened if at.event.name.startswith(f"{aggregate}.")]
        found = asked(exported, f"select position, event, day from events('{aggregate}') order by position")
        assert found == [(at.position, at.event.name, local_day(at.happened_at)) for at in own]


async def test_the_fields_of_an_event_are_columns_with_their_types(exported: Path, story_db: Connection) -> None:
    form = OpenForm(KEY)
    happened = [(at, at.event) for at in await history(story_db)]
    captured = [
        (form.pseudonym(str(at.stream_id)), event.measured.bitrate_kbps, event.measured.loss_percent, event.diagnostic)
        for at, event in happened
        if isinstance(event, ImageCaptured)
    ]
    found = asked(
        exported,
        "select examination_id, measured_bitrate_kbps, measured_loss_percent, diagnostic"
        " from events('examination') where event = 'examination.image_captured' order by position",
    )
    assert found == captured
    assert found


async def test_sums_over_the_files_are_those_of_the_views(exported: Path, story_db: Connection) -> None:
    for view in views_for_analysts():
        for table in view.tables:
            sums = f"count(*), coalesce(sum(position), 0), count(distinct {table.key[0]}::text)"
            in_database = await story_db.fetchrow(f"select {sums} from {table.name}")
            assert in_database is not None
            ((*in_files,),) = asked(exported, f"select {sums} from view('{table.name}')")
            assert in_files == list(in_database), table.name
    waits = "sum(extract(epoch from date_trunc('minute', first_answer_at) - date_trunc('minute', submitted_at)))"
    in_database = await story_db.fetchval(f"select {waits} + sum(submission) from referral_inbox")
    ((in_files,),) = asked(exported, f"select {waits} + sum(submission) from view('referral_inbox')")
    assert float(in_files) == float(in_database) > 0


async def test_the_manifest_tells_what_is_there(exported: Path, story_db: Connection) -> None:
    manifest = Manifest.load(exported)
    assert manifest is not None
    assert manifest.position == await head(story_db)
    assert {view.position for view in manifest.views} == {manifest.position}
    files: list[File] = [*manifest.parts, *manifest.views]
    for one in files:
        content = (exported / one.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (one.bytes, one.sha256)
        assert pq.read_metadata(exported / one.path).num_rows == one.rows
    assert {file.relative_to(exported).as_posix() for file in exported.rglob("*.parquet")} == set(manifest.paths)
    assert manifest.schema_versions["referral.submitted"] == 1


# Which code system a diagnosis is of leaves with its category.
CODE_SYSTEMS = {"icd-10"}


def personal_values(happened: list[Recorded]) -> Iterator[str]:
    """Every text that the log holds of a person, and every id by which the product knows one."""
    for at in happened:
        body = orjson.loads(at.event.to_json())
        for path in personal_fields(type(at.event)):
            yield from (text for text in _at(body, path.split(".")) if len(text) > 5)
        for id_ in (at.stream_id, at.metadata.patient_id, at.metadata.actor.id):
            if id_ is not None:
                yield str(id_)


def _at(body: Any, path: list[str]) -> Iterator[str]:
    if isinstance(body, list):
        for one in body:
            yield from _at(one, path)
    elif isinstance(body, dict):
        if path:
            yield from _at(body.get(path[0].removesuffix("[]")), path[1:])
        else:
            yield from (value for one in body.values() for value in _at(one, []))
    elif isinstance(body, str):
        yield body


async def test_nothing_that_tells_who_somebody_is_gets_into_a_file(exported: Path, story_db: Connection) -> None:
    secrets = set(personal_values(await history(story_db))) - CODE_SYSTEMS
    assert len(secrets) > 30, "the story is about people"
    for file in exported.rglob("*.parquet"):
        text = str(pq.read_table(file).to_pylist())
        assert [secret for secret in secrets if secret in text] == [], file.name


async def test_the_same_person_has_the_same_pseudonym_in_every_table(exported: Path, story_db: Connection) -> None:
    people = {at.stream_id for at in await history(story_db) if at.event.name == "patient.registered"}
    found = asked(exported, "select distinct patient_id from events('patient')")
    form = OpenForm(KEY)
    assert {one for (one,) in found} == {form.pseudonym(str(person)) for person in people}
    lost = "select patient_id from view('referral_inbox') except select patient_id from events('patient')"
    assert asked(exported, lost) == []


async def test_an_export_of_some_days_holds_what_happened_on_them(
    story_dsn: str, story_db: Connection, tmp_path: Path
) -> None:
    days = Selection(since=date(2020, 8, 27), until=date(2020, 8, 27))
    manifest = await export(story_dsn, Wanted(tmp_path, days, views=None), KEY)
    that_day = [at for at in await history(story_db) if local_day(at.happened_at) == date(2020, 8, 27)]
    assert manifest.rows == len(that_day) < manifest.position
    assert {part.day for part in manifest.parts} == {date(2020, 8, 27)}


async def test_only_the_views_that_are_asked_for_are_written(story_dsn: str, tmp_path: Path) -> None:
    manifest = await export(story_dsn, Wanted(tmp_path, events=False, views=("activity",)), KEY)
    assert list(manifest.paths) == ["reference/provinces.parquet", "views/activity.parquet"]
    for name in ("audience", "patient_record", "weather"):
        with pytest.raises(NoSuchView, match=name):
            await export(story_dsn, Wanted(tmp_path, views=(name,)), KEY)


async def test_analysts_count_by_the_provinces_of_either_time_as_the_views_do(
    exported: Path, story_db: Connection
) -> None:
    for day in (date(2020, 8, 27), date(2026, 1, 15)):
        found = await deployment_progress(story_db, EVERYTHING, date(2020, 12, 31), day)
        by_files = asked(
            exported,
            f"""
            select lies.province_code, lies.province, count(*) from view('facility_register') as facility
              join read_parquet('{exported}/reference/provinces.parquet') as lies
                on lies.code = facility.province_code
               and facility.listed_on between lies.listed_first and lies.listed_last
               and date '{day}' between lies.shown_first and lies.shown_last
             group by all order by all
            """,
        )
        assert by_files == sorted((one.province_code, one.province, one.registered) for one in found.by_province)


async def test_a_log_in_which_nothing_happened_has_tables_without_rows(log_database: str, tmp_path: Path) -> None:
    db = await connect(log_database)
    for view in every_view():
        await create(db, view, generation=1)
    await db.close()
    manifest = await export(log_database, Wanted(tmp_path), KEY)
    assert (manifest.position, manifest.rows, manifest.parts) == (0, 0, ())
    assert asked(tmp_path, "select count(*) from view('facility_register')") == [(0,)]


async def test_a_damaged_event_is_left_out_and_named_and_the_others_are_there(
    log_database: str, story_dsn: str, tmp_path: Path
) -> None:
    db = await copied(story_dsn, log_database, 20)
    await db.execute("update events set state = '{}' where notification_id = 9")
    manifest = await export(log_database, Wanted(tmp_path, views=None), KEY)
    assert [one.position for one in manifest.left_out] == [9]
    assert manifest.rows == 19
    await db.close()


async def test_an_export_stops_before_what_it_does_not_know_and_goes_on_when_it_does(
    log_database: str, story_dsn: str, tmp_path: Path
) -> None:
    db = await copied(story_dsn, log_database, 20)
    known = await db.fetchval("update events set schema_version = 99 where notification_id = 9 returning topic")
    with pytest.raises(UnknownKind, match=f"position 9 holds {known} of schema version 99"):
        await export(log_database, Wanted(tmp_path, views=None), KEY)
    manifest = Manifest.load(tmp_path)
    assert manifest is not None
    assert (manifest.position, manifest.rows) == (8, 8)
    await db.execute("update events set schema_version = 1 where notification_id = 9")
    manifest = await export(log_database, Wanted(tmp_path, views=None), KEY)
    assert (manifest.position, manifest.rows) == (20, 20)
    await db.close()


async def copied(source: str, target: str, upto: int) -> Connection:
    """A log that holds the beginning of another one."""
    other, db = await connect(source), await connect(target)
    rows = await other.fetch("select * from events where notification_id <= $1", upto)
    await db.copy_records_to_table("events", records=[tuple(row) for row in rows])
    await db.execute("update head set position = $1", upto)
    await other.close()
    return db


class KettleFilled(Event, name="kettle.filled"):
    """Somebody filled the kettle."""

    litres: Count


class KettleBoiled(Event, name="kettle.boiled"):
    """The water boils."""

    minutes: Count
    tea: Code | None = None


class KettleEmptied(Event, name="kettle.emptied"):
    """Somebody poured the water out, and somebody else wrote litres as a text."""

    litres: Code


async def test_a_new_column_of_a_new_version_stands_beside_the_old_rows(
    log_database: str, story_dsn: str, tmp_path: Path
) -> None:
    db = await copied(story_dsn, log_database, 2)
    rename = "update events set topic = $2, state = $3, schema_version = 1 where notification_id = $1"
    await db.execute(rename, 1, "kettle.filled", b'{"litres": 2}')
    await db.execute(rename, 2, "kettle.boiled", b'{"minutes": 4, "tea": "green"}')
    manifest = Manifest(key=key_id(KEY))
    before = event_tables({"kettle.filled": KettleFilled})
    manifest = await export_events(db, tmp_path, manifest, before, 1, OpenForm(KEY))
    after = event_tables({"kettle.filled": KettleFilled, "kettle.boiled": KettleBoiled})
    await export_events(db, tmp_path, manifest, after, 2, OpenForm(KEY))
    question = "select event, litres, minutes, tea from events('kettle') order by position"
    assert asked(tmp_path, question) == [("kettle.filled", 2, None, None), ("kettle.boiled", None, 4, "green")]
    await db.close()


def test_one_name_of_two_types_is_refused_before_anything_is_written() -> None:
    with pytest.raises(TwoTypes, match="litres"):
        event_tables({"kettle.filled": KettleFilled, "kettle.emptied": KettleEmptied})


def test_every_view_that_people_read_is_for_analysts_or_says_why_not() -> None:
    for view in views_for_analysts():
        assert view.content is not Content.INTERNAL
