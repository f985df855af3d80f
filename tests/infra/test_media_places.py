"""Where rooms are: one origin each, by load, edges for those who only watch, nothing on a lost run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest

from infra.media_places import SHARE, NameTaken, Run, beat, bury, enrol, look_up, place, retire, rooms_of
from infra.postgres import Connection, connect

MOST = 10_000.0
# Nobody hangs here because the machine is busy.
HUNG_S = 600.0


class Ward:
    """Workers, each with a session of its own with the database, as in life."""

    def __init__(self, dsn: str, stack: AsyncExitStack) -> None:
        self._dsn, self._stack = dsn, stack
        self.lines: dict[UUID, Connection] = {}

    async def connected(self) -> Connection:
        made = await connect(self._dsn)
        self._stack.push_async_callback(made.close)
        return made

    async def worker(self, name: str, packets: float = 0, machine: str = "here:/run") -> Run:
        run = Run(uuid4(), name, f"http://{name}", f"{machine}/{name}.sock")
        db = self.lines[run.run_id] = await self.connected()
        await enrol(db, run, MOST)
        assert await beat(db, run.run_id, packets, [])
        return run

    async def end_session(self, db: Connection, run: Run) -> None:
        mine = self.lines[run.run_id]
        pid = await mine.fetchval("select pg_backend_pid()")
        await mine.close()
        while await db.fetchval("select true from pg_stat_activity where pid = $1", pid):
            pass

    async def kill(self, db: Connection, run: Run) -> None:
        """Its session ends, and it has been silent for a while."""
        await self.end_session(db, run)
        await silent(db, run, 2)


async def silent(db: Connection, run: Run, seconds: float) -> None:
    await db.execute(
        "update media_worker set beat_at = beat_at - make_interval(secs => $2) where run_id = $1", run.run_id, seconds
    )


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.media_places.HUNG_S", HUNG_S)


@pytest.fixture
async def ward(log_database: str) -> AsyncIterator[Ward]:
    async with AsyncExitStack() as stack:
        yield Ward(log_database, stack)


@pytest.fixture
async def db(ward: Ward) -> Connection:
    return await ward.connected()


async def placed(db: Connection, session_id: UUID, *, watching: bool = False) -> str | None:
    found = await place(db, session_id, watching=watching)
    return found.here.name if found is not None else None


async def test_a_second_worker_of_one_name_is_not_let_in_before_the_first_is_gone(ward: Ward, db: Connection) -> None:
    first = await ward.worker("media-1", machine="here:/run")
    with pytest.raises(NameTaken):
        await ward.worker("media-1", machine="there:/run")
    assert not await bury(db, Run(uuid4(), "media-1", "http://other", "there:/run/media-1.sock"), others=False)
    await ward.kill(db, first)
    await ward.worker("media-1", machine="there:/run")


async def test_without_a_worker_a_room_has_no_place(db: Connection) -> None:
    assert await placed(db, uuid4()) is None


async def test_a_room_goes_to_whoever_carries_least_and_stays_there(ward: Ward, db: Connection) -> None:
    await ward.worker("busy", packets=3_000)
    await ward.worker("idle", packets=500)
    room = uuid4()
    assert [await placed(db, room) for _ in range(50)] == ["idle"] * 50
    assert await placed(db, uuid4()) == "busy", "what was promised counts before it is measured"


async def test_a_worker_is_measured_by_what_it_can_carry(ward: Ward, db: Connection) -> None:
    weak, strong = await ward.worker("weak", packets=1_000), await ward.worker("strong", packets=2_000)
    await db.execute("update media_worker set most = 2000 where run_id = $1", weak.run_id)
    assert await placed(db, uuid4()) == strong.name


async def test_who_only_watches_goes_to_an_edge_when_the_origin_is_above_its_share(ward: Ward, db: Connection) -> None:
    origin, edge = await ward.worker("origin"), await ward.worker("worker", packets=1_000)
    room = uuid4()
    assert await placed(db, room) == "origin"
    await beat(ward.lines[origin.run_id], origin.run_id, (SHARE + 0.1) * MOST, [room])
    assert await placed(db, room) == "origin", "publishers are at the origin"
    found = await place(db, room, watching=True)
    assert found is not None
    assert (found.here, found.origin) == (edge, origin)
    assert [at for _, at in await rooms_of(db, edge.run_id)] == [found]


async def test_below_its_share_everybody_is_at_the_origin(ward: Ward, db: Connection) -> None:
    await ward.worker("origin"), await ward.worker("worker", packets=1_000)
    room = uuid4()
    await placed(db, room)
    assert await placed(db, room, watching=True) == "origin"


async def test_an_edge_is_on_the_machine_of_its_origin(ward: Ward, db: Connection) -> None:
    origin = await ward.worker("origin")
    await ward.worker("far", packets=1_000, machine="there:/run")
    room = uuid4()
    await placed(db, room)
    await beat(ward.lines[origin.run_id], origin.run_id, MOST, [room])
    assert await placed(db, room, watching=True) == "origin"


async def test_a_killed_run_is_noticed_by_its_silence_and_its_session(ward: Ward, db: Connection) -> None:
    killed, other = await ward.worker("killed"), await ward.worker("other", packets=1_000)
    room = uuid4()
    assert await placed(db, room) == "killed"
    await ward.kill(db, killed)
    (lost,) = await bury(db, other, others=True)
    assert (lost.run_id, list(lost.sessions)) == (killed.run_id, [room])
    found = await place(db, room)
    assert found is not None
    assert (found.origin, found.moved_from) == (other, killed.run_id)


async def test_a_run_that_is_only_slow_is_left_alone(ward: Ward, db: Connection) -> None:
    slow, other = await ward.worker("slow"), await ward.worker("other")
    await silent(db, slow, 2)
    assert not await bury(db, other, others=True), "its session stands"


async def test_a_run_that_hangs_is_lost_though_its_session_stands_and_learns_it(ward: Ward, db: Connection) -> None:
    hung, other = await ward.worker("hung"), await ward.worker("other")
    await silent(db, hung, HUNG_S + 1)
    assert [one.run_id for one in await bury(db, other, others=True)] == [hung.run_id]
    assert not await beat(ward.lines[hung.run_id], hung.run_id, 0, [])


async def test_nobody_looks_for_the_dead_of_others_who_was_away_itself(ward: Ward, db: Connection) -> None:
    killed, other = await ward.worker("killed"), await ward.worker("other")
    await ward.kill(db, killed)
    assert not await bury(db, other, others=False)


async def test_the_next_run_of_a_worker_knows_that_its_earlier_one_is_lost(ward: Ward, db: Connection) -> None:
    earlier = await ward.worker("worker")
    room = uuid4()
    await placed(db, room)
    later = await ward.worker("worker", packets=1_000)
    assert [one.run_id for one in await bury(db, later, others=False)] == [earlier.run_id]
    found = await place(db, room)
    assert found is not None
    assert (found.origin, found.moved_from) == (later, earlier.run_id)


async def test_an_edge_inherits_the_room_so_that_its_viewers_stay(ward: Ward, db: Connection) -> None:
    origin, edge = await ward.worker("origin"), await ward.worker("edge", packets=1_000)
    room = uuid4()
    await placed(db, room)
    await beat(ward.lines[origin.run_id], origin.run_id, MOST, [room])
    assert await placed(db, room, watching=True) == "edge"
    idle = await ward.worker("idle")
    await ward.kill(db, origin)
    await bury(db, idle, others=True)
    assert await placed(db, room) == "edge"
    assert [at.here for _, at in await rooms_of(db, edge.run_id)] == [edge]


async def test_a_lost_edge_takes_no_room_with_it(ward: Ward, db: Connection) -> None:
    origin, edge = await ward.worker("origin"), await ward.worker("edge", packets=1_000)
    room = uuid4()
    await placed(db, room)
    await beat(ward.lines[origin.run_id], origin.run_id, MOST, [room])
    await placed(db, room, watching=True)
    await ward.kill(db, edge)
    (lost,) = await bury(db, origin, others=True)
    assert list(lost.sessions) == [room]
    found = await place(db, room, watching=True)
    assert found is not None
    assert (found.here, found.moved_from) == (origin, None)


async def test_a_run_that_leaves_in_good_order_hands_its_rooms_over_and_is_not_lost(ward: Ward, db: Connection) -> None:
    leaving, other = await ward.worker("leaving"), await ward.worker("other", packets=1_000)
    room = uuid4()
    await placed(db, room)
    await retire(db, leaving.run_id)
    found = await place(db, room)
    assert found is not None
    assert (found.origin, found.moved_from) == (other, None)


async def test_a_room_that_nobody_has_is_taken_by_the_run_that_somebody_came_to(ward: Ward, db: Connection) -> None:
    await ward.worker("idle")
    busy = await ward.worker("busy", packets=5_000)
    room = uuid4()
    found = await look_up(db, room, busy.run_id)
    assert found is not None
    assert found.here == found.origin == busy
    assert await placed(db, room) == "busy"


async def test_a_run_without_the_room_is_told_where_it_is(ward: Ward, db: Connection) -> None:
    there, here = await ward.worker("there"), await ward.worker("here", packets=1_000)
    room = uuid4()
    await placed(db, room)
    found = await look_up(db, room, here.run_id)
    assert found is not None
    assert found.here == there
