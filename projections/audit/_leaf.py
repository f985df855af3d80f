"""The record of an event in the Merkle log: `thx-leaf/v1`, described for strangers in docs/audit-formats.md.

Rules: a record names the event and commits to its stored bytes, never to what they mean; so it holds no patient data,
may be mirrored by anybody, and stays true when sealed fields can no longer be read. Every field is preceded by its
length in two bytes, so that no two events have the same record. The form never changes; another one gets another name.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from uuid import UUID

from projections.audit._tree import leaf_hash

FORMAT = b"thx-leaf/v1"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# Length and field, one after the other: format, position, stream, version, and the length of the name; then the rest.
_BEFORE_NAME = Struct(">H11sHQH16sHQH")
_AFTER_NAME = Struct(">HHHQH32sH32s")


class NotARecord(ValueError):
    """These bytes are not a `thx-leaf/v1` record."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a record says. `recorded_us` counts microseconds since 1970 in UTC."""

    position: int
    stream_id: UUID
    version: int
    name: str
    schema_version: int
    recorded_us: int
    state_digest: bytes
    metadata_digest: bytes

    def record(self) -> bytes:
        name = self.name.encode()
        return (
            _BEFORE_NAME.pack(11, FORMAT, 8, self.position, 16, self.stream_id.bytes, 8, self.version, len(name))
            + name
            + _AFTER_NAME.pack(
                2, self.schema_version, 8, self.recorded_us, 32, self.state_digest, 32, self.metadata_digest
            )
        )

    def hash(self) -> bytes:
        return leaf_hash(self.record())


def leaf_of(
    position: int,
    stream_id: UUID,
    version: int,
    name: str,
    schema_version: int,
    state: bytes,
    metadata: bytes,
    recorded_at: datetime,
) -> Leaf:
    """The leaf of a row of the log, whose bytes are digested as they are stored."""
    digests = sha256(state).digest(), sha256(metadata).digest()
    return Leaf(position, stream_id, version, name, schema_version, microseconds(recorded_at), *digests)


def microseconds(moment: datetime) -> int:
    """Exact, where a float of seconds would not be."""
    return (moment - EPOCH) // MICROSECOND


def read_record(record: bytes) -> Leaf:
    """The leaf behind a record. Raises NotARecord for whatever would not be written in the same way."""
    try:
        *before, name_length = _BEFORE_NAME.unpack_from(record)
        name = record[_BEFORE_NAME.size : _BEFORE_NAME.size + name_length].decode()
        after = _AFTER_NAME.unpack(record[_BEFORE_NAME.size + name_length :])
    except (UnicodeDecodeError, struct.error) as fault:
        raise NotARecord(str(fault)) from fault
    leaf = Leaf(before[3], UUID(bytes=before[5]), before[7], name, after[1], after[3], after[5], after[7])
    if leaf.record() != record:
        raise NotARecord("the lengths or the format are not those of thx-leaf/v1")
    return leaf
