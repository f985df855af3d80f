"""Views and the whole domain: nothing is forgotten, and the order in which streams come does not matter."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import pytest

from domain._catalogue import every_event
from domain._kernel import Recorded
from infra.postgres import Connection
from projections._fold import LiveView, apply
from projections._view import View, every_view
from projections.audience import view as audience
from projections.patient_record import view as patient_record

every_view()

# What only the all-embracing views take in, and why no view of its own asks for it.
UNHANDLED: dict[str, str] = {
    "agreement.ended": "whether an agreement is in force is asked by decisions, and those read the stream",
}


def test_every_event_is_handled_or_it_is_said_why_not() -> None:
    handled = {kind.name for view in every_view() for kind in view.handled}
    assert every_event().keys() - handled == UNHANDLED.keys()


def test_the_story_tells_every_event(whole_story: Sequence[Recorded]) -> None:
    assert every_event().keys() - {at.event.name for at in whole_story} == set()


Rows = dict[str, list[dict[str, object]]]


async def rows_after(db: Connection, batches: Sequence[Sequence[Recorded]], views: Sequence[View]) -> Rows:
    """All rows of these views after these batches, in a transaction that is taken back."""
    transaction = db.transaction()
    await transaction.start()
    try:
        for batch in batches:
            for view in views:
                await apply(db, LiveView(view, 1), batch)
        parked = await db.fetch("select view, position, reason from projection_parked")
        assert not parked, [dict(row) for row in parked]
        found: Rows = {}
        for view in views:
            for table in view.tables:
                key = ", ".join(table.key)
                found[table.name] = [dict(row) for row in await db.fetch(f"select * from {table.name} order by {key}")]
        return found
    finally:
        await transaction.rollback()


async def test_views_are_the_same_however_the_log_is_cut_into_batches(
    db: Connection, whole_story: Sequence[Recorded]
) -> None:
    views = every_view()
    at_once = await rows_after(db, [whole_story], views)
    one_by_one = await rows_after(db, [[at] for at in whole_story], views)
    for name, rows in at_once.items():
        assert rows, f"the story leaves {name} empty"
        assert one_by_one[name] == rows, name


@pytest.mark.parametrize("seed", range(8))
async def test_views_are_the_same_whatever_the_order_of_the_streams(
    db: Connection, whole_story: Sequence[Recorded], seed: int
) -> None:
    views = every_view()
    expected = await rows_after(db, [whole_story], views)
    shuffled = interleaved(whole_story, random.Random(seed))
    assert [at.position for at in shuffled] != [at.position for at in whole_story]
    batches = [shuffled[n : n + 7] for n in range(0, len(shuffled), 7)]
    found = await rows_after(db, batches, views)
    for name, rows in expected.items():
        assert found[name] == rows, name


def interleaved(events: Sequence[Recorded], chance: random.Random) -> list[Recorded]:
    """The same events, those of each stream in their order, but the streams mixed by chance."""
    streams: dict[UUID, list[Recorded]] = defaultdict(list)
    for at in events:
        streams[at.stream_id].append(at)
    turns = [at.stream_id for at in events]
    chance.shuffle(turns)
    return [streams[turn].pop(0) for turn in turns]


async def test_taking_the_same_events_in_twice_by_a_view_that_only_inserts_changes_nothing(
    db: Connection, whole_story: Sequence[Recorded]
) -> None:
    views = [audience, patient_record]
    assert await rows_after(db, [whole_story, whole_story], views) == await rows_after(db, [whole_story], views)
