"""A reader of the log gets every event once, in the one order, and knows that nothing is missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain._kernel import Metadata
from domain.referral import ReferralSubmitted
from infra.mapper import Stored
from streams.reading.faults import Code, Fault
from streams.reading.order import MOST_WAITING
from streams.reading.progress import FileStore, MemoryStore, SqliteStore
from streams.reading.source import MOST_IN_A_POLL
from tests.streams.lane import TestLane

SOME = ["referral", "consultation"]


def aggregates(events: Sequence[Stored]) -> list[str]:
    return sorted({stored.aggregate for stored in events})


@pytest.fixture
def lane(kafka_bootstrap: str, story: Sequence[Stored]) -> Iterator[TestLane]:
    made = TestLane(kafka_bootstrap, aggregates(story))
    yield made
    made.close()


@pytest.fixture
def written(lane: TestLane, story: Sequence[Stored]) -> TestLane:
    lane.write(story)
    return lane


def test_all_topics_give_the_one_order_and_typed_events(written: TestLane, story: Sequence[Stored]) -> None:
    entries = written.read()
    assert [entry.stored for entry in entries] == list(story)
    submitted = [entry for entry in entries if entry.name == "referral.submitted"]
    assert all(isinstance(entry.event, ReferralSubmitted) for entry in submitted)
    assert all(isinstance(entry.metadata, Metadata) and entry.happened_at for entry in entries)


def test_some_topics_give_the_same_order_without_the_others(written: TestLane, story: Sequence[Stored]) -> None:
    wanted = [stored.position for stored in story if stored.aggregate in SOME]
    assert [entry.position for entry in written.read(SOME)] == wanted


def test_some_topics_wait_until_nothing_can_come_in_between(lane: TestLane, story: Sequence[Stored]) -> None:
    of_both = [stored for stored in story if stored.aggregate in SOME]
    messages = lane.messages(story)
    late = next(message for message in messages if message.topic == lane.lane.topic_of("consultation"))
    lane.send([message for message in messages if message is not late and message.partition != late.partition])
    with pytest.raises(Fault) as fault:
        lane.read(SOME, patience_s=1.5)
    assert fault.value.code is Code.UNSETTLED
    lane.send([message for message in messages if message.partition == late.partition])
    lane.say(len(story))
    assert [entry.position for entry in lane.read(SOME)] == [stored.position for stored in of_both]


def test_a_topic_that_is_made_later_is_read_too(kafka_bootstrap: str, story: Sequence[Stored]) -> None:
    first = story[0].aggregate
    until = next(n for n, stored in enumerate(story) if stored.aggregate != first)
    lane = TestLane(kafka_bootstrap, [first])
    lane.write(story[:until])
    with lane.reader(follow=True) as reader:
        entries = iter(reader)
        assert [next(entries).position for _ in range(until)] == list(range(1, until + 1))
        lane.make(map(lane.lane.topic_of, aggregates(story)))
        lane.write(story[until:])
        assert [next(entries).position for _ in story[until:]] == list(range(until + 1, len(story) + 1))
    lane.close()


@pytest.mark.parametrize("aggregates_", [None, SOME])
def test_it_goes_on_where_it_ended(
    written: TestLane, story: Sequence[Stored], tmp_path: Path, aggregates_: list[str] | None
) -> None:
    wanted = [stored.position for stored in story if aggregates_ is None or stored.aggregate in aggregates_]
    store, found = FileStore(tmp_path / "progress.json"), []
    for _ in range(4):
        with written.reader(aggregates_, store=store) as reader:
            for n, entry in enumerate(reader):
                found.append(entry.position)
                if n == 9:
                    reader.save()
                    break
    assert found == wanted[:40]
    found += [entry.position for entry in written.read(aggregates_, store=store)]
    assert found == wanted
    assert written.read(aggregates_, store=store) == []


def test_what_is_in_hand_when_the_loop_is_left_comes_again(written: TestLane) -> None:
    store = MemoryStore()
    with written.reader(store=store) as reader:
        for entry in reader:
            if entry.position == 5:
                break
        assert store.text is None
    with written.reader(store=store) as reader:
        assert next(iter(reader)).position == 1


def test_progress_in_the_users_own_transaction_is_there_with_the_output_or_not_at_all(
    written: TestLane, tmp_path: Path
) -> None:
    db = sqlite3.connect(tmp_path / "out.db")
    db.execute("create table seen (position integer)")
    for _ in range(2):
        with written.reader(store=SqliteStore(db)) as reader:
            for entry in reader:
                db.execute("insert into seen values (?)", (entry.position,))
                if entry.position % 10 == 0:
                    reader.save()
                    db.commit()
                if entry.position == 25:
                    break
        db.rollback()
        assert db.execute("select max(position), count(*) from seen").fetchone() == (20, 20)
    db.close()


@pytest.mark.parametrize("aggregates_", [None, SOME])
def test_it_begins_at_a_position_or_a_time(
    written: TestLane, story: Sequence[Stored], aggregates_: list[str] | None
) -> None:
    half = story[len(story) // 2]
    of_these = [stored for stored in story if aggregates_ is None or stored.aggregate in aggregates_]
    with written.reader(aggregates_, start=half.position) as reader:
        assert any(offset for offset, _ in reader.progress.reached.values()), "it does not read all that lies before"
    found = written.read(aggregates_, start=half.position)
    assert [entry.position for entry in found] == [s.position for s in of_these if s.position >= half.position]
    found = written.read(aggregates_, start=half.recorded_at)
    assert [entry.position for entry in found] == [s.position for s in of_these if s.recorded_at >= half.recorded_at]
    assert written.read(aggregates_, start=story[-1].recorded_at + timedelta(hours=1)) == []


def test_one_that_began_later_and_took_nothing_goes_on_there(written: TestLane, story: Sequence[Stored]) -> None:
    store = MemoryStore()
    assert written.read(start=story[-1].recorded_at + timedelta(hours=1), store=store) == []
    assert written.read(store=store) == []


@pytest.mark.parametrize("aggregates_", [None, SOME])
def test_many_events_come_in_order_however_unevenly_they_are_spread(
    lane: TestLane, story: Sequence[Stored], aggregates_: list[str] | None
) -> None:
    """Partitions are held back and read on again and again."""
    rounds = [stored for _ in range(6_000 // len(story)) for stored in story]
    log = [replace(stored, position=n) for n, stored in enumerate(rounds, 1)]
    lane.write(log)
    wanted = [stored.position for stored in log if aggregates_ is None or stored.aggregate in aggregates_]
    assert [entry.position for entry in lane.read(aggregates_)] == wanted


def test_memory_is_bounded_when_one_partition_is_far_ahead(lane: TestLane, story: Sequence[Stored]) -> None:
    """A thousand events of one partition come before the first of another arrives: only so many of them wait."""
    line = next(stored for stored in story if stored.name == "facility.line_measured")
    referral = next(stored for stored in story if stored.name == "referral.drafted")
    rows = [replace(referral, position=1), *(replace(line, position=n, version=n) for n in range(2, 1_002))]
    messages = lane.messages(rows)
    lane.send(messages[1:])
    with lane.reader(follow=True) as reader:
        entries = iter(reader)
        while reader._order.count < MOST_WAITING:
            reader._fill()
        for _ in range(3):
            reader._fill()
        assert MOST_WAITING <= reader._order.count < MOST_WAITING + MOST_IN_A_POLL
        lane.send(messages[:1])
        assert [next(entries).position for _ in rows] == list(range(1, 1_002))
