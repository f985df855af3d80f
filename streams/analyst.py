"""The log for analysts: every event of a release of open data once, in the one order, typed, with nothing missing.

    from streams.analyst import Log

    with Log("127.0.0.1:9092", follow=False) as log:
        waits = {}
        for entry in log:
            match entry.name:
                case "referral.submitted":
                    waits[entry.stream_id] = entry.recorded_at
                case "referral.accepted" | "referral.returned" | "referral.declined" | "referral.answered":
                    if sent := waits.pop(entry.stream_id, None):
                        print(entry.stream_id, entry.recorded_at - sent)

Rules: what is open is decided before Kafka, by the marks on the events; `full` asks for the log as it is, which Kafka
opens only to those who may see patients. A fault stops the loop and says what is wrong and where (streams/reading/
faults.py); nothing is left out, doubled or put out of order in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from infra.topics import LOG, open_lane
from streams.reading.entry import Entry
from streams.reading.faults import MEANING, PASSED_BY_DEFAULT, Code, Fault
from streams.reading.progress import FileStore, MemoryStore, SqliteStore, Store
from streams.reading.reader import Reader

__all__ = ["MEANING", "Code", "Entry", "Fault", "FileStore", "Log", "MemoryStore", "SqliteStore", "Store"]


class Log(Reader):
    """The log from Kafka, to be looped over.

    `aggregates`: read only their topics. All of them prove that no position is missing; some prove it within each
    partition, and wait for the relay's word before an event is handed out, so that the order is the same.
    `start`: a position or a time of record to begin at; the store's progress comes first.
    `follow`: wait for what comes; otherwise end where the log ended when this was made.
    `store`: where the progress is kept (FileStore, SqliteStore, or your own); `save()` writes it at once.
    `passing`: codes of faults that do not stop it; `on_fault` is told of these.
    Whatever else is given goes to kafka-python, such as `security_protocol` or `sasl_plain_username`.
    Raises Fault, at the start and in the loop.
    """

    def __init__(
        self,
        bootstrap: str,
        aggregates: Collection[str] | None = None,
        *,
        release: str = "r1",
        full: bool = False,
        start: datetime | int | None = None,
        follow: bool = True,
        store: Store | None = None,
        passing: Collection[Code] = PASSED_BY_DEFAULT,
        on_fault: Callable[[Fault], None] = lambda fault: None,
        **kafka: Any,
    ) -> None:
        super().__init__(
            bootstrap,
            LOG if full else open_lane(release),
            aggregates,
            start=start,
            follow=follow,
            store=store,
            passing=passing,
            on_fault=on_fault,
            **kafka,
        )
