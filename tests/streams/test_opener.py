"""What leaves to analysts: every position, pseudonyms, coarse facts, and nothing of a patient."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from domain._kernel import EVENTS
from domain._personal import personal_fields
from infra.event_log import all_after, head
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.kafka import AcknowledgedProducer, ensure_topics
from infra.mapper import Stored
from infra.open_form import OpenForm
from infra.open_keys import OpenKeyRefused, key_file, key_id, release_key
from infra.postgres import connect, migrate
from infra.settings import Settings
from streams.analyst import Code, Fault, Log
from streams.opener import carriage_of
from streams.relay import OtherForm, Relay, Turn
from tests.story import launch_day
from tests.storyteller import Story

KEY = bytes(range(32))


@pytest.fixture
async def told(log_database: str) -> str:
    """A database in which the whole day was told."""
    store = PostgresEventStore(log_database)
    await launch_day(Story(store))
    await store.close()
    return log_database


async def rows(dsn: str) -> Sequence[Stored]:
    db = await connect(dsn)
    found = [stored async for chunk in all_after(db, 0, await head(db)) for stored in chunk]
    await db.close()
    return found


async def opened(dsn: str, bootstrap: str, release: str, upto: int, key: bytes = KEY) -> Vitals:
    """Run an opener until it has carried everything."""
    vitals, stop = Vitals("opener"), asyncio.Event()
    relay = Relay(
        dsn,
        vitals,
        [],
        lambda topics: ensure_topics(bootstrap, topics),
        lambda: AcknowledgedProducer(bootstrap),
        carriage_of(release, key),
    )
    running = asyncio.create_task(relay.run(stop))
    async with asyncio.timeout(90):
        while vitals.position != upto and "log" not in vitals.waiting:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    stop.set()
    await running
    return vitals


async def test_an_analyst_gets_every_position_in_order_and_nothing_of_a_patient(
    told: str, kafka_bootstrap: str
) -> None:
    release, log = f"t{secrets.token_hex(6)}", await rows(told)
    await opened(told, kafka_bootstrap, release, len(log))

    def read() -> list[object]:
        with Log(kafka_bootstrap, release=release, follow=False) as reader:
            return [(one.position, one.name, one.event, one.metadata, one.stored) for one in reader]

    found = await asyncio.to_thread(read)
    assert [one[:2] for one in found] == [(stored.position, stored.name) for stored in log]  # type: ignore[index]
    bytes_out = b"".join(one[4].state + one[4].metadata for one in found)  # type: ignore[index]
    secret = {text for stored in log for text in texts_that_stay(stored)}
    assert len(secret) > 40
    assert [text for text in secret if text.encode() in bytes_out] == []

    again = await opened(told, kafka_bootstrap, release, len(log))
    assert again.position == len(log)
    assert await asyncio.to_thread(read) == found, "a second start sends nothing anew"


def texts_that_stay(stored: Stored) -> set[str]:
    """Every id of the envelope and of the fact, and every text of a field that holds personal data."""
    state, metadata = orjson.loads(stored.state), orjson.loads(stored.metadata)
    ids = {text for text in leaves(state) | leaves(metadata) if len(text) == 36 and text.count("-") == 4}
    personal = set()
    for path in personal_fields(EVENTS[stored.name]):
        personal |= leaves(at(state, path.replace("[]", "").split(".")))
    # Names of code systems and their versions are nobody's, and a unit may stand in any number.
    return ids | {str(stored.stream_id)} | {text for text in personal if len(text) > 6 and text != "icd-10"}


def at(value: Any, path: Sequence[str]) -> list[Any]:
    if isinstance(value, list):
        return [found for one in value for found in at(one, path)]
    if not path or value is None:
        return [value]
    return at(value.get(path[0]), path[1:])


def leaves(value: object) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(leaves, value.values()))
    if isinstance(value, list):
        return set().union(*map(leaves, value))
    return {value} if isinstance(value, str) else set()


async def test_coarse_facts_and_pseudonyms_are_the_same_wherever_they_stand(whole_day: Sequence[Stored]) -> None:
    form = OpenForm(KEY)
    out = {stored.position: form.of(stored) for stored in whole_day}
    by_name: dict[str, list[Stored]] = {}
    for stored in out.values():
        by_name.setdefault(stored.name, []).append(stored)
    facility = orjson.loads(by_name["facility.registered"][0].state)
    assert facility.keys() == {"tier", "province_code", "province", "listed_on", "parent_id"}
    patient = orjson.loads(by_name["patient.registered"][0].state)
    assert patient.keys() <= {"patient_id", "facility_id", "sex", "born_on", "born_in", "identities"}
    assert {len(str(patient[born])) for born in ("born_on", "born_in") if patient.get(born)} == {len("1960-1969")}
    diagnosis = orjson.loads(by_name["examination.diagnosis_made"][0].state)
    assert diagnosis["coding"] == {"system": "icd-10", "version": "2019", "category": "I21"}
    referral = orjson.loads(by_name["referral.submitted"][0].state)
    assert referral["patient_id"] in {str(stored.stream_id) for stored in by_name["patient.registered"]}
    assert referral["asking_facility_id"] in {str(stored.stream_id) for stored in by_name["facility.registered"]}
    for stored in out.values():
        assert (stored.recorded_at.second, stored.recorded_at.microsecond) == (0, 0)


def test_without_the_key_a_pseudonym_tells_nothing_and_another_key_makes_another() -> None:
    id_ = "00000000-0000-4000-8000-000000000001"
    one, other = OpenForm(KEY).pseudonym(id_), OpenForm(bytes(32)).pseudonym(id_)
    assert len({id_, one, other}) == 3
    assert one == OpenForm(KEY).pseudonym(id_)


@pytest.mark.parametrize("how", ["unknown", "newer", "broken"])
def test_an_event_that_cannot_be_read_leaves_with_its_name_alone(whole_day: Sequence[Stored], how: str) -> None:
    stored = next(one for one in whole_day if one.name == "referral.answered")
    spoiled = {
        "unknown": replace(stored, name="referral.sung"),
        "newer": replace(stored, schema_version=99),
        "broken": replace(stored, state=b'{"answer": "Sot cao"}'),
    }[how]
    out = OpenForm(KEY).of(spoiled)
    assert (out.state, out.schema_version, out.name) == (b"{}", 0, spoiled.name)


async def test_a_release_is_never_carried_on_with_another_key(told: str, kafka_bootstrap: str) -> None:
    db = await connect(told)
    await Turn.begin(db, "kafka", carriage_of("r1", KEY))
    await Turn.begin(db, "kafka", carriage_of("r1", KEY))
    with pytest.raises(OtherForm):
        await Turn.begin(db, "kafka", carriage_of("r1", bytes(32)))
    assert (await Turn.begin(db, "kafka", carriage_of("r2", bytes(32)))).position == 0
    assert (await Turn.begin(db, "kafka")).position == 0
    await db.close()


async def test_a_database_of_before_there_were_lanes_is_brought_up(database: str) -> None:
    db = await connect(database)
    await db.execute(
        "create table relay_progress (singleton boolean not null primary key default true check (singleton),"
        " epoch bigint not null, cluster_id text not null, position bigint not null, partitions jsonb not null,"
        " written_at timestamptz not null default now())"
    )
    await db.execute("insert into relay_progress (epoch, cluster_id, position, partitions) values (7, 'k', 0, '{}')")
    await migrate(db)
    await migrate(db)
    assert (await Turn.begin(db, "k")).epoch == 8
    await Turn.begin(db, "k", carriage_of("r1", KEY))
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute(
            "insert into relay_progress (epoch, cluster_id, position, partitions) values (1, 'k', 0, '{}')"
        )
    await db.close()


def test_the_key_of_a_release_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    key = release_key(settings)
    assert release_key(settings) == key
    assert key_id(key) != key_id(bytes(32))
    file = key_file(tmp_path, "r1")
    assert file.stat().st_mode & 0o077 == 0
    file.chmod(0o644)
    with pytest.raises(OpenKeyRefused, match="read by others"):
        release_key(settings)
    file.chmod(0o600)
    file.write_text("short")
    with pytest.raises(OpenKeyRefused) as refused:
        release_key(settings)
    assert "short" not in str(refused.value)


def test_in_production_no_key_is_made_by_accident(tmp_path: Path) -> None:
    with pytest.raises(OpenKeyRefused, match="is missing"):
        release_key(Settings(data=tmp_path).model_copy(update={"environment": "production"}))


async def test_a_release_that_is_not_there_is_said_to_be_missing(kafka_bootstrap: str) -> None:
    with pytest.raises(Fault) as found:
        await asyncio.to_thread(Log, kafka_bootstrap, ["referral"], release="nosuch")
    assert found.value.code is Code.TOPIC_MISSING
