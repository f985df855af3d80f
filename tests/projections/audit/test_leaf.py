"""A record commits to everything that is stored of an event, and to nothing that could be read two ways."""

from __future__ import annotations

import contextlib
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.audit._leaf import Leaf, NotARecord, leaf_of, microseconds, read_record

LAUNCH = datetime(2020, 8, 27, 9, 0, 0, 123457, tzinfo=timezone(timedelta(hours=7)))
LEAF = leaf_of(7, UUID(int=1), 3, "examination.signed", 2, b'{"a":1}', b'{"actor":2}', LAUNCH)
U64 = st.integers(0, 2**64 - 1)
DIGEST = st.binary(min_size=32, max_size=32)
NAME = st.from_regex(r"[a-z_]{1,20}\.[a-z_é]{1,20}", fullmatch=True)
LEAVES = st.builds(Leaf, U64, st.uuids(), U64, NAME, st.integers(0, 65535), U64, DIGEST, DIGEST)


def test_the_record_is_written_as_the_formats_say() -> None:
    expected = [
        b"thx-leaf/v1",
        (7).to_bytes(8, "big"),
        bytes(15) + b"\1",
        (3).to_bytes(8, "big"),
        b"examination.signed",
        (2).to_bytes(2, "big"),
        (1_598_493_600_123_457).to_bytes(8, "big"),
        sha256(b'{"a":1}').digest(),
        sha256(b'{"actor":2}').digest(),
    ]
    assert LEAF.record() == b"".join(len(one).to_bytes(2, "big") + one for one in expected)
    assert LEAF.hash() == sha256(b"\0" + LEAF.record()).digest()


def test_a_time_is_exact_to_the_microsecond_and_the_same_in_every_zone() -> None:
    assert microseconds(LAUNCH) == microseconds(LAUNCH.astimezone(UTC)) == 1_598_493_600_123_457
    assert microseconds(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) % 1_000_000 == 999_999


@pytest.mark.parametrize("name", [field.name for field in fields(Leaf)])
def test_nothing_of_an_event_can_change_without_its_hash(name: str) -> None:
    value = getattr(LEAF, name)
    changes: dict[type, Any] = {int: 9, str: "examination.signed2", bytes: bytes(32), UUID: UUID(int=2)}
    assert replace(LEAF, **{name: changes[type(value)]}).hash() != LEAF.hash()


@given(LEAVES)
def test_a_record_is_read_as_it_was_written(leaf: Leaf) -> None:
    assert read_record(leaf.record()) == leaf


@given(LEAVES, st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_record_is_another_leaf_or_none(leaf: Leaf, at: int, flip: int) -> None:
    record = bytearray(leaf.record())
    record[at % len(record)] ^= flip
    with contextlib.suppress(NotARecord):
        assert read_record(bytes(record)) != leaf


@given(LEAVES, st.binary(min_size=1, max_size=3))
def test_a_longer_or_shorter_record_is_refused(leaf: Leaf, more: bytes) -> None:
    for wrong in (leaf.record() + more, leaf.record()[: -len(more)], b"", more):
        with pytest.raises(NotARecord):
            read_record(wrong)
