"""Checkpoints on Kafka: topic `telehealth.audit.checkpoints`, one partition, one message for each, in order.

Rules: the value is the signed note, the key its origin, headers name size and root. A checkpoint is sent when it has
been shown to the witness, and at least once; the same one sent again is the same message. Kafka may be away as long as
it likes: nothing waits for this, and what was not sent is sent later, from the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from infra.audit import published
from infra.audit.published import Published
from infra.kafka import AcknowledgedProducer, KafkaUnavailable, Undelivered, ensure_topics
from infra.postgres import LINE_FAULTS, Connection, Line, Wake

TOPIC = "telehealth.audit.checkpoints"
PAUSE_S = 0.5
REACHED = """
    insert into audit_published as known (cluster_id, size) values ($1, 0)
    on conflict (singleton) do update
       set size = case when known.cluster_id = $1 then known.size else 0 end, cluster_id = $1
    returning size
"""
WRITE_DOWN = "update audit_published set size = greatest(size, $2) where cluster_id = $1"

log = structlog.get_logger()


class Publisher:
    def __init__(self, dsn: str, bootstrap: str, replication: int = 1) -> None:
        self._dsn, self._bootstrap, self._replication = dsn, bootstrap, replication
        self._wake = Wake()
        self._upto = 0

    def upto(self, size: int) -> None:
        """Checkpoints up to this size are complete."""
        self._upto = size
        self._wake()

    async def run(self, stop: asyncio.Event) -> None:
        line = Line(self._dsn)
        try:
            while not stop.is_set():
                await self._wake.wait(PAUSE_S)
                if not self._upto:
                    continue
                try:
                    await self._carry(await line.get(), stop)
                except (KafkaUnavailable, Undelivered) as fault:
                    log.warning("checkpoints_wait", reason=type(fault).__name__)
                    await asyncio.sleep(PAUSE_S)
                except LINE_FAULTS:
                    await line.drop()
        finally:
            await line.close()

    async def _carry(self, db: Connection, stop: asyncio.Event) -> None:
        cluster_id = await asyncio.to_thread(ensure_topics, self._bootstrap, [TOPIC], self._replication, 1)
        producer = await asyncio.to_thread(AcknowledgedProducer, self._bootstrap)
        try:
            size = await db.fetchval(REACHED, cluster_id)
            while not stop.is_set():
                found = [one for one in await published.after(db, size) if one.size <= self._upto]
                if found:
                    await asyncio.to_thread(_send, producer, found)
                    size = found[-1].size
                    await db.execute(WRITE_DOWN, cluster_id, size)
                else:
                    await self._wake.wait(PAUSE_S)
        finally:
            await asyncio.to_thread(producer.close)


def _send(producer: AcknowledgedProducer, checkpoints: Sequence[Published]) -> None:
    for one in checkpoints:
        headers = [("size", str(one.size).encode()), ("root", one.root.hex().encode())]
        origin = one.note.partition("\n")[0].encode()
        producer.send(TOPIC, 0, origin, one.note.encode(), headers, int(one.signed_at.timestamp() * 1_000))
    producer.wait()
