"""The forms in which `telehealth tail` prints an event: lines for people, JSON and CSV for programs.

Rules: keys and columns are stable and only ever grow at the end; ids are whole for programs, and their first eight
digits for people, whose times are those of Viet Nam.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any, Literal, TextIO
from uuid import UUID

from domain._values import VIETNAM_TIME
from streams.analyst import Entry

Form = Literal["lines", "json", "csv"]
COLUMNS = (
    "position",
    "recorded_at",
    "happened_at",
    "event",
    "schema_version",
    "stream_id",
    "version",
    "patient_id",
    "actor_id",
    "actor_facility_id",
    "fields",
)


def writer(form: Form, out: TextIO) -> Callable[[Entry], None]:
    if form == "json":
        return lambda entry: print(json.dumps(_row(entry), ensure_ascii=False), file=out)
    if form == "csv":
        table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        table.writeheader()
        return lambda entry: table.writerow(
            {**_row(entry), "fields": json.dumps(entry.fields, ensure_ascii=False, sort_keys=True)}
        )
    return lambda entry: print(line(entry), file=out)


def _row(entry: Entry) -> dict[str, Any]:
    metadata = entry.metadata
    return {
        "position": entry.position,
        "recorded_at": entry.recorded_at.isoformat(),
        "happened_at": entry.happened_at.isoformat(),
        "event": entry.name,
        "schema_version": entry.stored.schema_version,
        "stream_id": str(entry.stream_id),
        "version": entry.version,
        "patient_id": _text(entry.patient_id),
        "actor_id": _text(metadata.actor.id),
        "actor_facility_id": _text(metadata.actor.facility_id),
        "fields": entry.fields,
    }


def _text(id_: UUID | None) -> str | None:
    return None if id_ is None else str(id_)


def line(entry: Entry) -> str:
    at = entry.recorded_at.astimezone(VIETNAM_TIME)
    patient = f" người bệnh/patient {_short(str(entry.patient_id))}" if entry.patient_id else ""
    facts = " ".join(f"{name}={_short(value)}" for name, value in entry.fields.items() if value not in (None, [], {}))
    head = f"{entry.position:>8} {at:%Y-%m-%d %H:%M} {entry.name:<34} {_short(str(entry.stream_id))}"
    return f"{head}{patient} {facts}".rstrip()


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) == 36 and value.count("-") == 4:
        return value[:8]
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}={_short(inner)}" for name, inner in value.items() if inner is not None) + "}"
    if isinstance(value, list):
        return "[" + " ".join(map(_short, value)) + "]"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
