"""The shapes in which events lie in the log, one file for every event and version: written once, never changed.

Rules: what was shipped can be read for ever. So a shape that differs from its file is refused, and so is a file
whose event is gone; a new shape is a new version with an upcaster, and gets a file of its own. Sentences may be
mended at any time: they are no part of a shape. The class of personal data is, since stored fields are sealed by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from domain._kernel import Event
from domain._personal import personal_fields
from tests.golden.examples import example_of

FOLDER = Path(__file__).parent / "events"
TEXTS = ("title", "description")
CHANGED = (
    "{name} has another shape than {file} says. What is stored in that shape stays in the log, so raise the event's "
    "schema_version, write upcast() from the shape before, and run `make lock`. (Only while the event has never left "
    "your machine: delete the file instead, and run `make lock`.)"
)
GONE = "{file} tells of an event that is no more. What is stored under that name stays in the log: keep the event."


def file_of(kind: type[Event], folder: Path = FOLDER) -> Path:
    return folder / f"{kind.name}.v{kind.schema_version}.json"


def golden(kind: type[Event]) -> dict[str, Any]:
    """What the file of this event holds."""
    return {
        "event": kind.name,
        "schema_version": kind.schema_version,
        "example": json.loads(example_of(kind).to_json()),
        **shape_of(kind),
    }


def shape_of(kind: type[Event]) -> dict[str, Any]:
    return {
        "personal": dict(sorted(personal_fields(kind).items())),
        "schema": _without_texts(kind.model_json_schema(mode="serialization")),
    }


def _without_texts(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_texts(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    # A field may be called `title`: then what stands under the key is a schema and not a text.
    return {
        key: _without_texts(value) for key, value in schema.items() if not (key in TEXTS and isinstance(value, str))
    }


def shipped(folder: Path = FOLDER) -> Mapping[Path, dict[str, Any]]:
    return {file: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}


def refused(kinds: Iterable[type[Event]], folder: Path = FOLDER) -> Iterator[str]:
    """What must not be done to shipped events and was done, as sentences that say what to do instead."""
    today = {kind.name: kind for kind in kinds}
    for file, content in shipped(folder).items():
        kind = today.get(content["event"])
        if kind is None or kind.schema_version < content["schema_version"]:
            yield GONE.format(file=file.name)
        elif kind.schema_version == content["schema_version"]:
            was = {part: content[part] for part in ("personal", "schema")}
            if shape_of(kind) != was:
                yield CHANGED.format(name=kind.name, file=file.name)


def missing(kinds: Iterable[type[Event]], folder: Path = FOLDER) -> Mapping[Path, str]:
    """The files that `make lock` writes: those of new events and new versions."""
    new = {file_of(kind, folder): kind for kind in kinds}
    return {
        file: json.dumps(golden(kind), ensure_ascii=False, indent=2) + "\n"
        for file, kind in new.items()
        if not file.exists()
    }
