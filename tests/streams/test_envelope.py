"""One event as one message, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.mapper import Stored
from infra.topics import PARTITIONS, Place, place_of
from streams.envelope import Headers, MalformedMessage, from_message, to_message

stored_events = st.builds(
    Stored,
    position=st.integers(1, 2**62),
    stream_id=st.uuids(),
    version=st.integers(1, 2**62),
    name=st.from_regex(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", fullmatch=True) | st.text(max_size=30),
    schema_version=st.integers(1, 32_767),
    state=st.binary(max_size=200),
    metadata=st.binary(max_size=100) | st.just(b'{"command_id":"c","correlation_id":"k"}'),
    recorded_at=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),
)
EVENT = Stored(
    9, UUID(int=5), 2, "bed.made", 1, b'{"label":"4"}', b'{"command_id":"c"}', datetime(2020, 8, 27, 1, tzinfo=UTC)
)


@given(stored_events, st.integers(0, 2**62))
def test_what_was_sent_arrives_as_it_lay_in_the_log(stored: Stored, before: int) -> None:
    prev_position = min(before, stored.position - 1)
    message = to_message(stored, prev_position)

    arrived = from_message(message.key, message.value, message.headers)

    assert (arrived.stored, arrived.prev_position) == (stored, prev_position)
    assert message == to_message(stored, prev_position)


@given(stored_events)
def test_a_stream_always_goes_to_the_same_partition_of_a_topic_that_kafka_can_name(stored: Stored) -> None:
    message = to_message(stored, 0)

    assert Place(message.topic, message.partition) == place_of(stored.aggregate, stored.stream_id)
    assert 0 <= message.partition < PARTITIONS
    assert message.topic.replace("_", "").replace(".", "").isalnum()
    assert message.topic.isascii()


def test_a_reader_who_knows_nothing_of_us_finds_a_cloud_event() -> None:
    message = to_message(EVENT, 4)

    headers = {name: value.decode() for name, value in message.headers}
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_id"] == headers["position"] == "9"
    assert headers["ce_type"] == headers["type"] == "bed.made"
    assert headers["ce_source"] == "/telehealth"
    assert headers["ce_subject"] == message.key.decode() == str(EVENT.stream_id)
    assert headers["ce_time"] == headers["recorded_at"] == "2020-08-27T01:00:00+00:00"
    assert headers["content-type"] == "application/json"
    assert headers["command_id"] == "c"
    assert message.value == EVENT.state


def _with(**changed: bytes | None) -> Headers:
    found = {**dict(to_message(EVENT, 4).headers), **changed}
    return [(name, value) for name, value in found.items() if value is not None]


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (None, b"{}", _with()),
        (b"\xff", b"{}", _with()),
        (b"not an id", b"{}", _with()),
        (str(EVENT.stream_id).encode(), None, _with()),
        (str(EVENT.stream_id).encode(), b"{}", []),
        *(
            (str(EVENT.stream_id).encode(), b"{}", _with(**{name: wrong}))
            for name, wrong in [
                ("position", None),
                ("position", b"4"),  # Not behind the one before it.
                ("position", b"+9"),
                ("position", b""),
                ("position", "٩".encode()),
                ("prev_position", b"-1"),
                ("version", b"two"),
                ("type", b"\xff"),
                ("metadata", None),
                ("recorded_at", b"yesterday"),
                ("recorded_at", b"2020-08-27T01:00:00"),
            ]
        ),
    ],
)
def test_a_message_that_the_relay_has_not_written_is_called_malformed(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    with pytest.raises(MalformedMessage):
        from_message(key, value, headers)
