"""The manifest of a recording: which files it is made of, by hash, and what is missing in it; made from its journal.

Rules: pure; the same journal makes the same bytes. Times are UTC with microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from media.recording.journal import Entry

FORMAT = 1


def manifest(entries: Iterable[Entry]) -> bytes:
    """As canonical JSON: sorted keys, no spaces."""
    fields: dict[str, Any] = {"format": FORMAT, "gaps": [], "segments": []}
    by_number: dict[int, dict[str, Any]] = {}
    for entry in entries:
        rest = {name: value for name, value in entry.items() if name != "what"}
        match entry["what"]:
            case "began":
                fields |= rest
            case "segment":
                by_number[entry["number"]] = rest
            case "closed":
                by_number[entry["number"]] |= rest
            case "gap":
                fields["gaps"].append(rest)
            case "continued":
                fields.setdefault("continued", []).append(rest)
            case "ended":
                fields["ended"] = rest
    fields["segments"] = [by_number[number] for number in sorted(by_number)]
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def moment(ns: int) -> str:
    """Nanoseconds since 1970 as text."""
    return at(ns).isoformat(timespec="microseconds")


def at(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).replace(microsecond=ns // 1000 % 1_000_000)
