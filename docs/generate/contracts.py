"""docs/contracts: the shapes of messages, as JSON Schema (2020-12), one file for each event and version.

`events/` holds the events as the log has them, `open/` their open forms. Files of former versions stay: what was sent
in that shape is still on Kafka. The `$id` of a schema is what a message of that shape names in `ce_dataschema`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from docs.generate.asyncapi import document
from docs.generate.markdown import sentence
from domain._catalogue import every_event
from domain._kernel import Event, Metadata
from infra.open_form import open_model
from infra.topics import LOG, open_lane
from media import channel_messages
from streams.envelope import schema_uri

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def write() -> Mapping[str, str]:
    """Every file by its place in docs/contracts."""
    files = {"asyncapi.json": document()}
    for name, event in every_event().items():
        place = f"{name}.v{event.schema_version}.json"
        files[f"events/{place}"] = schema_of(event)
        files[f"open/{place}"] = open_schema_of(event)
    files["events/metadata.json"] = _schema(Metadata, "urn:telehealth:events:metadata")
    files["open/metadata.json"] = _schema(open_model(Metadata), "urn:telehealth:open:metadata")
    files["live-channel.json"] = {"$schema": DIALECT, "$id": "urn:telehealth:live:channel", **channel_messages.schema()}
    return {place: json.dumps(content, ensure_ascii=False, indent=2) + "\n" for place, content in files.items()}


def schema_of(event: type[Event]) -> dict[str, Any]:
    return _schema(event, schema_uri(LOG, event.name, event.schema_version), event.name, sentence(event))


def open_schema_of(event: type[Event]) -> dict[str, Any]:
    uri = schema_uri(open_lane("any"), event.name, event.schema_version)
    return _schema(open_model(event), uri, event.name, sentence(event))


def _schema(model: type[BaseModel], uri: str, title: str = "metadata", told: str | None = None) -> dict[str, Any]:
    shape = model.model_json_schema(mode="serialization")
    told = told or sentence(model)
    return {"$schema": DIALECT, "$id": uri, **shape, "title": title, "description": told}
