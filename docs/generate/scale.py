"""docs/reference/scale.md: what was measured of growth, from docs/scale.json as the measurement wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from docs.generate.markdown import code, page, table

MEASURED = Path(__file__).parent.parent / "scale.json"
HOW = """\
Measured by `telehealth bench scale --events …`, which says in its sources how each figure is taken. The tables are
written from [scale.json](../scale.json), the pictures by the same command; what follows from them is in
[Scale](../scale.md)."""
PICTURES = """\
![Gigabytes on disk over the number of events](../img/scale-disk.svg)

![Events a second over the number of events](../img/scale-speed.svg)

![Events a second of rebuilds over the number of events](../img/scale-rebuilds.svg)

![p99 of questions over the number of events](../img/scale-questions.svg)"""
Steps = Mapping[str, Any]


def write() -> str:
    content = json.loads(MEASURED.read_text())
    sizes = sorted(content["sizes"].items(), key=lambda one: int(one[0]))
    heads = ["", *(f"{steps['load']['events']:,} events" for _, steps in sizes)]
    columns = [steps for _, steps in sizes]
    return page(
        "Scale, as measured",
        HOW,
        _machine(content["machine"], columns),
        "## Load and Kafka",
        table(heads, _rows(columns, LOAD)),
        "## Bytes an event takes",
        "Tables and their indexes together, divided by the events of the log.",
        table(heads, _weights(columns)),
        "## Rebuilds",
        "Events a second; rows; the most memory that the process had.",
        table(heads, _rebuilds(columns)),
        "## Questions",
        "p50 and p99 in milliseconds, of one caller over one connection.",
        table(heads, _questions(columns)),
        *_for_others(heads, columns),
        PICTURES,
    )


def _machine(machine: Mapping[str, Any], columns: Sequence[Steps]) -> str:
    done = (one for steps in columns for one in steps.values() if "machine_was" in one)
    idle = min(one["machine_was"]["idle_percent"] for one in done)
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gb']:g} GB, for client and servers"
        f" together, and at times for other programs as well: in the busiest step {idle:.0f} % were idle. So rates are"
        " lower, and high percentiles higher, than on machines of one's own."
    )


LOAD: Mapping[str, Callable[[Steps], str]] = {
    "facilities": lambda one: f"{one['load']['facilities']:,}",
    "loaded in bulk, events/s": lambda one: f"{one['load']['events_per_second']:,}",
    "relay to Kafka, events/s": lambda one: f"{one['kafka']['relay_events_per_second']:,}",
    "memory of the relay, MB": lambda one: f"{one['kafka']['relay_memory_mb']:,}",
    "read again by a new consumer, events/s": lambda one: f"{one['kafka']['consumer_events_per_second']:,}",
    "every position came once": lambda one: _yes(one["kafka"]["consumer_has_every_position_once"]),
}


ANALYSTS: Mapping[str, Callable[[Steps], str]] = {
    "opener to Kafka, events/s": lambda one: f"{one['opener_events_per_second']:,}",
    "memory of the opener, MB": lambda one: f"{one['opener_memory_mb']:,}",
    "analysts' reader from position 1, events/s": lambda one: f"{one['reader_events_per_second']:,}",
    "memory of the reader, MB": lambda one: f"{one['reader_memory_mb']:,}",
    "it had every position once, in order": lambda one: _yes(one["reader_has_every_position_once"]),
}
EXPORT: Mapping[str, Callable[[Steps], str]] = {
    "export of the events to Parquet, events/s": lambda one: f"{one['events_per_second']:,}",
    "the last tenth added, seconds": lambda one: f"{one['added_seconds']:g}",
    "the views, rows and seconds": lambda one: f"{one['views_rows']:,}; {one['views_seconds']:g}",
    "nothing new, seconds": lambda one: f"{one['nothing_new_seconds']:g}",
    "memory of the export, MB": lambda one: f"{one['memory_mb']:,}",
    "events in Parquet, bytes an event": lambda one: (
        f"{one['events_bytes'] / (one['first_events'] + one['added_events']):.0f}"
    ),
    "the files hold every position once": lambda one: _yes(one["files_hold_every_position_once"]),
}
AUDIT: Mapping[str, Callable[[Steps], str]] = {
    "folded and signed for, events/s": lambda one: f"{one['signed_events_per_second']:,}",
    "verified row by row, events/s": lambda one: f"{one['verified_events_per_second']:,}",
    "the root was the same": lambda one: _yes(one["verified"]),
    "report on activity as of the end, seconds; MB": lambda one: (
        f"{one['report_seconds']:g}; {one['report_memory_mb']:,}"
    ),
}


def _for_others(heads: Sequence[str], columns: Sequence[Steps]) -> Sequence[str]:
    """A cell is empty where it was not measured; nothing at all where it was of no log."""
    asked = dict.fromkeys(name for one in columns for name in one.get("export", {}).get("duckdb_ms", {}))
    parts: Mapping[str, Mapping[str, Callable[[Steps], str]]] = {
        "analysts": ANALYSTS,
        "export": {**EXPORT, **{f"DuckDB, ms: {name}": partial(_answered, name) for name in asked}},
        "audit": AUDIT,
    }
    rows = [
        [name, *(value(one[step]) if step in one else "" for one in columns)]
        for step, lines in parts.items()
        for name, value in lines.items()
        if any(step in one for one in columns)
    ]
    return ["## For analysts and auditors", table(heads, rows)] if rows else []


def _answered(name: str, export: Steps) -> str:
    return f"{export['duckdb_ms'][name]:,}"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "NO"


def _rows(columns: Sequence[Steps], lines: Mapping[str, Callable[[Steps], str]]) -> list[list[str]]:
    return [[name, *(value(one) for one in columns)] for name, value in lines.items()]


def _weights(columns: Sequence[Steps]) -> list[list[str]]:
    def per_event(steps: Steps, size: int) -> str:
        return f"{size / steps['load']['events']:,.0f}"

    largest = columns[-1]["weigh"]["tables"]
    rows = [["the whole database", *(per_event(one, one["weigh"]["database"]) for one in columns)]]
    for name, weight in largest.items():
        if weight["table"] + weight["indexes"] > 5 * columns[-1]["load"]["events"]:
            found = [one["weigh"]["tables"].get(name, {"table": 0, "indexes": 0}) for one in columns]
            sizes = [
                f"{per_event(one, two['table'])} + {per_event(one, two['indexes'])}"
                for one, two in zip(columns, found, strict=True)
            ]
            rows.append([code(name), *sizes])
    rows.append(["Kafka, on one broker", *(per_event(one, one["kafka"]["kafka_bytes"]) for one in columns)])
    return rows


def _rebuilds(columns: Sequence[Steps]) -> list[list[str]]:
    names = sorted(name for name, one in columns[-1].items() if name.startswith("rebuild ") and one["events"])
    return [[code(name.removeprefix("rebuild ")), *(_rebuild(one.get(name)) for one in columns)] for name in names]


def _rebuild(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return ""
    return f"{one['events_per_second']:,}/s; {one['rows']:,}; {one['memory_mb']:,} MB"


def _questions(columns: Sequence[Steps]) -> list[list[str]]:
    names = columns[-1]["questions"]["ms"]
    return [
        [name, *(f"{ms['p50']:g}, {ms['p99']:g}" for one in columns if (ms := one["questions"]["ms"][name]))]
        for name in names
    ]
