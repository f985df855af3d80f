"""One event as one Kafka message, and back.

Rules: the key is the aggregate's id as text; the value is the stored JSON as it lies in the log, never written anew;
what else is known stands in the headers, each as text. The headers that begin with `ce_` are those of CloudEvents 1.0
in the binary mode of its Kafka binding, for readers who know nothing of us. The same event always becomes the same
message, so that a message that is sent twice can be told from two events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from urllib.parse import quote
from uuid import UUID

import orjson

from infra.mapper import Stored
from infra.topics import LOG, Lane, partition_of

Headers = list[tuple[str, bytes]]


@cache
def _constant(lane: Lane, name: str, schema_version: int) -> Headers:
    """What is the same in all messages of an event's kind, so it is made once."""
    return [
        ("type", name.encode()),
        ("schema_version", str(schema_version).encode()),
        ("ce_type", name.encode()),
        ("ce_dataschema", schema_uri(lane, name, schema_version).encode()),
        ("ce_specversion", b"1.0"),
        ("ce_source", lane.source.encode()),
        ("content-type", b"application/json"),
    ]


def schema_uri(lane: Lane, name: str, schema_version: int) -> str:
    """What names the shape of a message's value; docs/contracts has the schemas under these names."""
    form = "events" if lane == LOG else "open"
    return f"urn:telehealth:{form}:{quote(name, safe='.')}:v{schema_version}"


class MalformedMessage(ValueError):
    """A message on one of our topics that the relay has not written: a header is missing, or is not what it says."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `timestamp_ms` is the time of record, so that it too is the same at every sending."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: Headers
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """What has arrived: the event, and the position of the one before it in the same partition (0: there is none)."""

    stored: Stored
    prev_position: int


def to_message(stored: Stored, prev_position: int, lane: Lane = LOG) -> Message:
    position = str(stored.position).encode()
    key, recorded_at = str(stored.stream_id).encode(), stored.recorded_at.isoformat().encode()
    headers = [
        ("position", position),
        ("version", str(stored.version).encode()),
        ("recorded_at", recorded_at),
        ("prev_position", str(prev_position).encode()),
        *_ids(stored.metadata),
        ("metadata", stored.metadata),
        ("ce_id", position),
        ("ce_time", recorded_at),
        ("ce_subject", key),
        *_constant(lane, stored.name, stored.schema_version),
    ]
    topic, partition = lane.topic_of(stored.aggregate), partition_of(stored.stream_id)
    return Message(topic, partition, key, stored.state, headers, int(stored.recorded_at.timestamp() * 1_000))


def from_message(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> Delivered:
    """Raises MalformedMessage."""
    found = dict(headers)
    try:
        if key is None or value is None:
            raise ValueError("no key or no value")
        stored = Stored(
            position=_whole(found["position"]),
            stream_id=UUID(key.decode()),
            version=_whole(found["version"]),
            name=found["type"].decode(),
            schema_version=_whole(found["schema_version"]),
            state=value,
            metadata=found["metadata"],
            recorded_at=_moment(found["recorded_at"]),
        )
        prev_position = _whole(found["prev_position"])
    except (KeyError, ValueError) as fault:
        raise MalformedMessage(f"{type(fault).__name__}: {fault}") from fault
    if not 0 <= prev_position < stored.position:
        raise MalformedMessage(f"position {stored.position} does not stand behind {prev_position}")
    return Delivered(stored, prev_position)


def _ids(metadata: bytes) -> Headers:
    """The command and the correlation, where the metadata names them; events of other tools may not."""
    try:
        known = orjson.loads(metadata)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(known, dict):
        return []
    return [(name, str(known[name]).encode()) for name in ("command_id", "correlation_id") if name in known]


def _whole(text: bytes) -> int:
    # int() would also take signs, blanks and underscores, which the relay never writes.
    if not text.isdigit():
        raise ValueError("not a whole number")
    return int(text)


def _moment(text: bytes) -> datetime:
    moment = datetime.fromisoformat(text.decode())
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
