"""Every message is a CloudEvent 1.0 in the binary mode of its Kafka binding, by the rules of that specification."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from infra.mapper import Stored
from infra.open_form import OpenForm
from infra.topics import LOG, open_lane
from streams.envelope import Message, from_message, to_message

REQUIRED = ("id", "source", "specversion", "type")
OPTIONAL = ("datacontenttype", "dataschema", "subject", "time")
ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
URI = re.compile(r"[a-z][a-z0-9+.-]*:[\x21-\x7e]+")


@pytest.fixture(scope="module")
def messages(whole_day: Sequence[Stored]) -> Sequence[Message]:
    form, lane = OpenForm(bytes(32)), open_lane("r1")
    return [
        *(to_message(stored, 0) for stored in whole_day),
        *(to_message(form.of(stored), 0, lane) for stored in whole_day),
    ]


def attributes(message: Message) -> dict[str, str]:
    """As the Kafka binding maps them: each attribute a header with the prefix, the content type under its own name."""
    found = {name.removeprefix("ce_"): value.decode() for name, value in message.headers if name.startswith("ce_")}
    (content_type,) = [value.decode() for name, value in message.headers if name == "content-type"]
    return {**found, "datacontenttype": content_type}


def test_every_message_has_the_attributes_in_their_forms(messages: Sequence[Message]) -> None:
    for message in messages:
        found = attributes(message)
        assert found.keys() == {*REQUIRED, *OPTIONAL}
        assert all(ATTRIBUTE.fullmatch(name) and value for name, value in found.items())
        assert found["specversion"] == "1.0"
        assert RFC3339.fullmatch(found["time"])
        assert datetime.fromisoformat(found["time"]).tzinfo is not None
        assert URI.fullmatch(found["dataschema"])
        assert not urlsplit(found["source"]).scheme
        assert found["datacontenttype"] == "application/json"
        assert found["subject"] == message.key.decode()


def test_source_and_id_together_name_one_event(messages: Sequence[Message]) -> None:
    names = {(attributes(message)["source"], attributes(message)["id"]) for message in messages}
    assert len(names) == len(messages)


def test_no_header_stands_twice(messages: Sequence[Message]) -> None:
    for message in messages:
        assert len({name for name, _ in message.headers}) == len(message.headers)


def test_a_message_of_before_there_were_these_headers_is_read(messages: Sequence[Message]) -> None:
    message = messages[0]
    old = [(name, value) for name, value in message.headers if not name.startswith("ce_") and name != "content-type"]
    assert from_message(message.key, message.value, old) == from_message(message.key, message.value, message.headers)


def test_a_name_that_is_no_part_of_a_uri_is_written_as_one(whole_day: Sequence[Stored]) -> None:
    message = to_message(Stored(1, whole_day[0].stream_id, 1, "some.module:Tool #1", 1, *_rest(whole_day[0])), 0, LOG)
    assert attributes(message)["dataschema"] == "urn:telehealth:events:some.module%3ATool%20%231:v1"


def _rest(stored: Stored) -> tuple[bytes, bytes, datetime]:
    return stored.state, stored.metadata, stored.recorded_at
