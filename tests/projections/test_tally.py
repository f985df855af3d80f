"""Tallies say what their tables say, whatever changes the rows, and whoever writes at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from domain._kernel import Recorded
from domain.examination import ExaminationAborted
from infra.postgres import Connection, connect
from projections._fold import LiveView, apply
from projections._view import create
from projections.activity import TALLIES, acts, view
from projections.facility_register import view as register
from tests.history import LAUNCH_DAY, History, called
from tests.projections.conftest import TakeIn
from tests.projections.test_activity import examined

PARTS = 16


async def differences(db: Connection) -> list[str]:
    """The tallies of which a line is not what counting the table gives."""
    found = []
    for tally in TALLIES:
        columns = ", ".join(tally.columns)
        told = f"select {columns}, sum(count)::bigint from {tally.name} group by {columns} having sum(count) <> 0"
        counted = f"select {columns}, count(*) from {acts.name} where {tally.where} group by {columns}"
        if await db.fetch(f"(({told}) except ({counted})) union all (({counted}) except ({told}))"):
            found.append(tally.name)
    return found


async def test_tallies_follow_every_change_of_their_rows(
    db: Connection, take_in: TakeIn, whole_story: Sequence[Recorded]
) -> None:
    half = len(whole_story) // 2
    for part in (whole_story[:half], whole_story[half:]):
        await take_in(part, view)
        assert await differences(db) == []
    assert await db.fetchval("select count(*) from activity_by_kind") > 1


async def test_what_counts_no_longer_is_taken_out_again(db: Connection, history: History, take_in: TakeIn) -> None:
    examined(history, "an examination", LAUNCH_DAY)
    await take_in(history.events, view)
    assert await db.fetchval("select sum(count) from activity_helped") == 1
    history.happened(called("an examination"), ExaminationAborted(reason="The line was lost"))
    await take_in(history.events[-1:], view)
    assert await db.fetchval("select sum(count) from activity_helped") == 0
    assert await differences(db) == []
    await db.execute(f"delete from {view.physical(acts, 1)}")
    assert await differences(db) == []


async def test_two_workers_count_at_once_and_neither_waits_for_the_other(log_database: str) -> None:
    one, other = await connect(log_database), await connect(log_database, lock_timeout="2s")
    while one.get_server_pid() % PARTS == other.get_server_pid() % PARTS:
        await other.close()
        other = await connect(log_database, lock_timeout="2s")
    for made in (view, register):
        await create(one, made, 1)
    history = History()
    for n in range(20):
        examined(history, f"examination {n}", LAUNCH_DAY)
    mine = {called(f"examination {n}") for n in range(10)}
    first, second = one.transaction(), other.transaction()
    await first.start()
    await second.start()
    await apply(one, LiveView(view, 1), [at for at in history.events if at.stream_id in mine])
    # The lines of today are the same for both, and the first has not committed.
    await apply(other, LiveView(view, 1), [at for at in history.events if at.stream_id not in mine])
    await second.commit()
    await first.commit()
    assert await one.fetchval("select sum(count) from activity_by_kind") == 20
    assert await differences(one) == []
    await one.close()
    await other.close()
