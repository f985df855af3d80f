"""docs/contracts/asyncapi.json: the topics and what is in them, as an AsyncAPI 3 document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from docs.generate.markdown import sentence
from domain._catalogue import every_event
from domain._kernel import Event
from infra.topics import LOG, PARTITIONS
from streams.reading.notes import CHECKPOINTS

SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
OPEN_PREFIX = f"{LOG.prefix}.open.{{release}}"
ABOUT = """\
The log of a national telehealth network. Every event is one message, in two forms: as it is, for those who may see \
patients, and in its open form, with pseudonyms and coarse facts. Positions count all events from 1 without a hole \
over all topics of a form; each message names the position of the one before it in its partition."""

Content = dict[str, Any]


def document() -> Content:
    events = list(every_event().values())
    aggregates = sorted({event.name.partition(".")[0] for event in events})
    channels: Content = {}
    for aggregate in aggregates:
        own = [event for event in events if event.name.startswith(f"{aggregate}.")]
        channels[f"{aggregate}_events"] = _channel(f"{LOG.prefix}.{aggregate}.events", "events", own)
        channels[f"{aggregate}_open"] = _channel(f"{OPEN_PREFIX}.{aggregate}.events", "open", own)
    channels |= _others()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Telehealth", "version": "1.0.0", "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"publish_{name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}} for name in channels
        },
        "components": {
            "messages": dict(_messages(events)),
            "messageTraits": {"events": _trait("events"), "open": _trait("open")},
        },
    }


def _channel(address: str, form: str, events: Iterable[type[Event]]) -> Content:
    found: Content = {
        "address": address,
        "messages": {_id(event, form): {"$ref": f"#/components/messages/{_id(event, form)}"} for event in events},
        "bindings": {"kafka": {"partitions": PARTITIONS}},
    }
    return found | (_release() if form == "open" else {})


def _others() -> Content:
    def text(about: str) -> Content:
        return {"payload": {"type": "string", "description": about}, "contentType": "text/plain"}

    reached = text("The position up to which every event of this form is in its topic.")
    note = text("A signed checkpoint of the log, as docs/audit-formats.md describes it.")
    one = {"bindings": {"kafka": {"partitions": 1}}}
    return {
        "reached": {"address": LOG.reached, "messages": {"reached": reached}, **one},
        "open_reached": {"address": f"{OPEN_PREFIX}.reached", "messages": {"reached": reached}, **one, **_release()},
        "checkpoints": {"address": CHECKPOINTS, "messages": {"checkpoint": note}, **one},
    }


def _release() -> Content:
    return {"parameters": {"release": {"description": "The name of a release of open data.", "default": "r1"}}}


def _id(event: type[Event], form: str) -> str:
    return f"{event.name}.v{event.schema_version}.{form}"


def _messages(events: Iterable[type[Event]]) -> Iterable[tuple[str, Content]]:
    for event in events:
        for form in ("events", "open"):
            place = f"{form}/{event.name}.v{event.schema_version}.json"
            yield (
                _id(event, form),
                {
                    "name": event.name,
                    "title": event.name,
                    "summary": sentence(event),
                    "contentType": "application/json",
                    "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": place}},
                    "traits": [{"$ref": f"#/components/messageTraits/{form}"}],
                },
            )


def _trait(form: str) -> Content:
    """The headers, which are text as everything in a header of Kafka is, and the key."""
    return {
        "headers": {
            "type": "object",
            "properties": {name: {"type": "string", **rule} for name, rule in HEADERS.items()}
            | {"metadata": {"type": "string", "contentMediaType": "application/json", "description": _metadata(form)}},
            "required": [name for name in HEADERS if name not in SOMETIMES] + ["metadata"],
        },
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}},
    }


def _metadata(form: str) -> str:
    return f"Who, on whose behalf, by which command, when, about whom: {form}/metadata.json"


SOMETIMES = ("command_id", "correlation_id")
WHOLE = {"pattern": "^[0-9]+$"}
HEADERS: dict[str, Content] = {
    "position": {**WHOLE, "description": "Place in the log: 1, 2, 3 … without a hole."},
    "prev_position": {**WHOLE, "description": "Position of the message before it in its partition; 0 for none."},
    "version": {**WHOLE, "description": "The event's number within its aggregate, from 1."},
    "type": {"description": "The stored name of the event."},
    "schema_version": {**WHOLE, "description": "Version of the shape; 0 where the open form was withheld."},
    "recorded_at": {"format": "date-time", "description": "When the log took it; to the minute in the open form."},
    "command_id": {"format": "uuid"},
    "correlation_id": {"format": "uuid"},
    "ce_specversion": {"const": "1.0"},
    "ce_id": {**WHOLE, "description": "The position."},
    "ce_source": {"format": "uri-reference"},
    "ce_type": {"description": "The stored name of the event."},
    "ce_subject": {"format": "uuid", "description": "The aggregate's id, which is the key too."},
    "ce_time": {"format": "date-time"},
    "ce_dataschema": {"format": "uri", "description": "The `$id` of the schema of the value."},
    "content-type": {"const": "application/json"},
}
