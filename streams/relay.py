"""The relay carries the log to Kafka, and nobody else writes there.

Rules: a notice only wakes it, the truth is read by position. It goes on when everything it has sent is acknowledged
and written down: so every event arrives, in order within its partition, sometimes twice, and then as the same
message. One relay is active, by a lock on its session; others stand by. One that was stopped in the middle and wakes
up again finds that its time has run out and asks whether it is still its turn before it sends anything more. When
Kafka is another one than before (its data was lost) the relay begins at the beginning.

The same frame carries the log in another form on a lane of its own: see streams/opener.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
import structlog

from domain._catalogue import every_event
from infra.event_log import head
from infra.health import Vitals
from infra.kafka import AcknowledgedProducer, KafkaUnavailable, Producer, Undelivered, ensure_topics
from infra.locks import Lock
from infra.mapper import COLUMNS, Stored, stored_from
from infra.postgres import LINE_FAULTS, Connection, Wake, connect, keep_listening
from infra.settings import Settings
from infra.topics import LOG, PARTITIONS, Lane, partition_of, topic_of
from streams.envelope import Message, to_message

MOST_IN_A_BATCH = 2_000
POLL_S = 0.25
SAID_EVERY_S = 0.1

# The server ends the session, and with it the lock, of a relay that says nothing for SILENCE_S; a relay trusts that
# it is still its turn for TRUST_S only. As the second is much shorter, two never send at the same time.
SILENCE_S = 6
TRUST_S = 2.0
HEARTBEAT_S = 1.0

NEXT = f"""
    select (select epoch from relay_progress where lane = $2) as epoch, (select position from head) as head, {COLUMNS}
      from events where notification_id > $1 order by notification_id limit {MOST_IN_A_BATCH}
"""
TAKE_OVER = """
    insert into relay_progress as known (epoch, cluster_id, position, partitions, lane, form)
    values (1, $1, 0, '{}', $2, $3)
    on conflict (lane) do update
       set epoch = known.epoch + 1, cluster_id = $1,
           position = case when known.cluster_id = $1 then known.position else 0 end,
           partitions = case when known.cluster_id = $1 then known.partitions else '{}' end
    returning epoch, position, partitions, form
"""
WRITE_DOWN = """
    update relay_progress set position = $2, partitions = $3, written_at = now() where epoch = $1 and lane = $4
"""

T = TypeVar("T")
log = structlog.get_logger()


class NoLongerOurTurn(Exception):
    """Another relay has taken over."""


class TrustRunOut(Exception):
    """Too much time has passed since the database said that it is our turn."""


class HoleInTheLog(RuntimeError):
    """Positions are dense; a missing one means that the log or this reader is broken."""


class LogIsBehind(RuntimeError):
    """Kafka was sent more than the log holds: an older copy of the database was brought back."""


class OtherForm(RuntimeError):
    """The lane was begun in another form: the same people would go on under other pseudonyms."""


@dataclass(frozen=True)
class Carriage:
    """What a relay carries: on which lane, under which lock, and each event in which form. `form_id` names the form."""

    lane: Lane = LOG
    lock: int = Lock.RELAY
    form: Callable[[Stored], Stored] = lambda stored: stored
    form_id: str = ""


AS_IT_LIES = Carriage()


class Turn:
    """One relay's time of being the active one."""

    def __init__(
        self, db: Connection, epoch: int, position: int, partitions: dict[str, list[int]], carriage: Carriage
    ) -> None:
        self.db, self.epoch, self.position, self.partitions = db, epoch, position, partitions
        self.carriage = carriage
        self.trusted_until = 0.0
        self.said, self.said_at = -1, 0.0

    @classmethod
    async def begin(cls, db: Connection, cluster_id: str, carriage: Carriage = AS_IT_LIES) -> Turn:
        async with db.transaction():
            # The progress may be written lazily, since it only saves work; a turn must never be forgotten.
            await db.execute("set local synchronous_commit = on")
            row = await db.fetchrow(TAKE_OVER, cluster_id, carriage.lane.prefix, carriage.form_id)
        assert row is not None
        if row["form"] != carriage.form_id:
            raise OtherForm(f"{carriage.lane.prefix} was begun with another key")
        turn = cls(db, row["epoch"], row["position"], row["partitions"], carriage)
        if await head(db) < turn.position:
            raise LogIsBehind(f"the log ends before {turn.position}, which was already sent")
        return turn

    async def next_events(self) -> tuple[Sequence[Stored], int]:
        """The next events and where the log ends. Raises NoLongerOurTurn."""
        asked_at = time.monotonic()
        rows = await self.db.fetch(NEXT, self.position, self.carriage.lane.prefix)
        if not rows:
            return [], self.position
        if rows[0]["epoch"] != self.epoch:
            raise NoLongerOurTurn
        self.trusted_until = asked_at + TRUST_S
        if rows[-1]["notification_id"] != self.position + len(rows):
            raise HoleInTheLog(f"behind position {self.position}")
        return [stored_from(row) for row in rows], rows[0]["head"]

    def messages(self, events: Sequence[Stored]) -> tuple[Sequence[Message], dict[str, list[int]]]:
        """The messages, each linked to the one before it in its partition, and the links to go on from."""
        last = {topic: list(positions) for topic, positions in self.partitions.items()}
        messages, lane = [], self.carriage.lane
        for stored in map(self.carriage.form, events):
            positions = last.setdefault(lane.topic_of(stored.aggregate), [0] * PARTITIONS)
            partition = partition_of(stored.stream_id)
            messages.append(to_message(stored, positions[partition], lane))
            positions[partition] = stored.position
        return messages, last

    def send(self, producer: Producer, messages: Sequence[Message]) -> None:
        for message in messages:
            if time.monotonic() > self.trusted_until:
                raise TrustRunOut
            producer.send(
                message.topic, message.partition, message.key, message.value, message.headers, message.timestamp_ms
            )
        producer.wait()

    async def write_down(self, position: int, partitions: dict[str, list[int]]) -> None:
        if await self.db.execute(WRITE_DOWN, self.epoch, position, partitions, self.carriage.lane.prefix) != "UPDATE 1":
            raise NoLongerOurTurn
        self.position, self.partitions = position, partitions

    def say_reached(self, producer: Producer) -> None:
        """Tell readers of some topics that nothing up to here is still to come, in any of them."""
        position = str(self.position).encode()
        producer.send(self.carriage.lane.reached, 0, b"position", position, [], int(time.time() * 1_000))
        self.said, self.said_at = self.position, time.monotonic()


class Relay:
    """`make_producer` and `make_topics` block, and are called in a thread."""

    def __init__(
        self,
        dsn: str,
        vitals: Vitals,
        topics: Collection[str],
        make_topics: Callable[[Collection[str]], str],
        make_producer: Callable[[], Producer],
        carriage: Carriage = AS_IT_LIES,
    ) -> None:
        self._dsn, self._vitals, self._carriage = dsn, vitals, carriage
        self._topics = {*topics, carriage.lane.reached}
        self._make_topics, self._make_producer = make_topics, make_producer
        self._wake = Wake()

    async def run(self, stop: asyncio.Event) -> None:
        listening = asyncio.create_task(keep_listening(self._dsn, "events", self._wake))
        try:
            while not stop.is_set():
                await self._try(stop)
        finally:
            listening.cancel()

    async def _try(self, stop: asyncio.Event) -> None:
        """Stand by, take over, carry; come back when something breaks, and begin anew from what is written down."""
        try:
            db = await connect(self._dsn, synchronous_commit="off", idle_session_timeout=f"{SILENCE_S}s")
        except LINE_FAULTS as fault:
            return await self._pause("database", fault)
        self._vitals.has("database")
        try:
            if await self._stand_by(db, stop):
                await self._carry(db, stop)
        except (KafkaUnavailable, Undelivered) as fault:
            await self._pause("kafka", fault)
        except (NoLongerOurTurn, TrustRunOut) as fault:
            log.warning("relay_lost_its_turn", reason=type(fault).__name__)
        except (*LINE_FAULTS, asyncpg.PostgresError) as fault:
            await self._pause("database", fault)
        except (LogIsBehind, OtherForm) as fault:
            await self._pause("log", fault)
        finally:
            db.terminate()

    async def _pause(self, what: str, fault: BaseException) -> None:
        self._vitals.wait_for(what, f"{type(fault).__name__} {fault}".strip())
        log.warning("relay_waits", reason=type(fault).__name__)
        await asyncio.sleep(0.3)

    async def _stand_by(self, db: Connection, stop: asyncio.Event) -> bool:
        while not stop.is_set():
            if await db.fetchval("select pg_try_advisory_lock($1)", int(self._carriage.lock)):
                return True
            self._vitals.details["role"] = "standby"
            self._vitals.started()
            await asyncio.sleep(POLL_S)
        return False

    async def _carry(self, db: Connection, stop: asyncio.Event) -> None:
        cluster_id = await _alive(db, asyncio.to_thread(self._make_topics, self._topics))
        producer = await _alive(db, asyncio.to_thread(self._make_producer))
        try:
            turn = await Turn.begin(db, cluster_id, self._carriage)
            log.info("relay_took_over", epoch=turn.epoch, position=turn.position)
            self._vitals.details.update(role="active", epoch=turn.epoch, cluster_id=cluster_id)
            for part in ("kafka", "log"):
                self._vitals.has(part)
            self._vitals.started()
            while not stop.is_set():
                await self._carry_a_batch(turn, producer)
        finally:
            await asyncio.to_thread(producer.close)

    async def _carry_a_batch(self, turn: Turn, producer: Producer) -> None:
        events, end = await turn.next_events()
        self._vitals.position, self._vitals.lag = turn.position, end - turn.position
        if not events:
            if turn.said < turn.position:
                await _alive(turn.db, asyncio.to_thread(_say_at_rest, turn, producer))
            await self._wake.wait(POLL_S)
            return
        messages, links = turn.messages(events)
        new = {message.topic for message in messages} - self._topics
        if new:
            await _alive(turn.db, asyncio.to_thread(self._make_topics, new))
            self._topics |= new
            # Making topics takes its time, so the turn is asked for again.
            return
        await _alive(turn.db, asyncio.to_thread(turn.send, producer, messages))
        await turn.write_down(events[-1].position, links)
        self._vitals.position, self._vitals.lag = turn.position, max(0, end - turn.position)
        if time.monotonic() - turn.said_at > SAID_EVERY_S:
            await _alive(turn.db, asyncio.to_thread(turn.say_reached, producer))


def _say_at_rest(turn: Turn, producer: Producer) -> None:
    turn.say_reached(producer)
    producer.wait()


async def _alive(db: Connection, work: Awaitable[T]) -> T:
    """Wait for what goes on in a thread, and let the server hear of us meanwhile, so that it keeps our lock."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=HEARTBEAT_S))[0]:
            await db.execute("select 1")
        return task.result()
    except LINE_FAULTS:
        # The thread cannot be stopped, but its trust runs out; its end is awaited, so that nothing is sent behind us.
        await asyncio.wait([task])
        raise


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """The process `relay`."""
    if settings.database_url is None or settings.kafka_bootstrap is None:
        raise RuntimeError("the relay needs DATABASE_URL and KAFKA_BOOTSTRAP")
    bootstrap, replication = settings.kafka_bootstrap, settings.kafka_replication
    relay = Relay(
        settings.database_url,
        vitals,
        {topic_of(name.partition(".")[0]) for name in every_event()},
        lambda topics: ensure_topics(bootstrap, topics, replication),
        lambda: AcknowledgedProducer(bootstrap),
    )
    await relay.run(stop)
