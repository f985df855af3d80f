"""docs/reference/events.md: every fact that the log can hold."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from pydantic import BaseModel

from docs.generate.catalogue import events_of, states, told_by_file
from docs.generate.markdown import anchor, code, fields_of, page, parts_of, sentence, table, told
from domain._catalogue import every_event
from domain._kernel import Event
from domain._open import Way, ways_of
from domain._personal import personal_fields

INTRODUCTION = """\
A fact of the clinic, stored under a name that never changes. Who did it, when it happened and where it stands in the
log is in the envelope around it: `streamId`, `version`, `position`, `recordedAt`, and the metadata `actor`,
`onBehalfOf`, `commandId`, `causationId`, `correlationId`, `clinicalTime`, `patientId`. On Kafka an event is a message
of the topic `telehealth.<aggregate>.events`, keyed by the aggregate's id.

"Personal" names the class of personal data, by which a field is sealed and left out for those who may not see it. "To
analysts" tells how it leaves as [open data](../analysts.md): empty where it does not leave at all. The shape of each
version is in [contracts](../contracts), and locked in [tests/golden/events](../../tests/golden/events)."""


def write() -> str:
    parts = [INTRODUCTION]
    for state in states():
        lifecycle = f"[Its lifecycle](lifecycles.md#{state.__name__.lower()})"
        parts += [f"## {state.__name__}", told_by_file(state), lifecycle]
        for event in events_of(state):
            parts += _event(event)
    return page("Events", *parts, "## Values", *_values())


def _event(event: type[Event]) -> Iterable[str]:
    version = f" (version {event.schema_version})" if event.schema_version > 1 else ""
    yield f"### {event.name}{version}"
    yield told(event)
    if event.model_fields:
        yield _fields(event)


def _fields(model: type[BaseModel]) -> str:
    marks, ways = personal_fields(model), ways_of(model)
    rows = [
        (
            f"`{name}`{'' if not optional else ' (optional)'}",
            kind,
            ", ".join(_classes(name, marks.items())),
            _leaves(ways[name]),
        )
        for name, kind, optional in fields_of(model)
    ]
    return table(("field", "type", "personal", "to analysts"), rows)


def _leaves(way: Way) -> str:
    if not way.leaves:
        return ""
    return "in parts" if way.how is None else str(way.how)


def _classes(name: str, marks: Iterable[tuple[str, str]]) -> list[str]:
    """The classes of a field, or of what is inside it."""
    inside = (f"{name}.", f"{name}[")
    return sorted({of for path, of in marks if path == name or path.startswith(inside)})


def _values() -> Iterable[str]:
    parts = {
        part for event in every_event().values() for f in event.model_fields.values() for part in parts_of(f.annotation)
    }
    for part in sorted(parts, key=lambda kind: (kind.__name__, kind.__module__)):
        yield f"### {part.__name__}"
        yield sentence(part) if (part.__doc__ or "").strip() else ""
        if issubclass(part, Enum):
            yield code(*(str(one.value) for one in part))
        elif issubclass(part, BaseModel):
            yield _fields(part)


def link(event: type[Event]) -> str:
    version = f" (version {event.schema_version})" if event.schema_version > 1 else ""
    return f"[{event.name}](events.md#{anchor(event.name + version)})"
