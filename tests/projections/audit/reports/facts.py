"""Facts as a definition sees them, from events as tests tell them: through the bytes that the store would keep."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from domain._kernel import Recorded
from infra.reference import FOLDER
from projections.audit._leaf import leaf_of
from projections.audit.reports._kit import Definition, Fact, Result, Value, computed, fact_of


def stored_parts(at: Recorded) -> tuple[bytes, bytes, bytes]:
    """The event as a bundle carries it: its record, and the stored bytes of the fact and of its envelope."""
    event, state, metadata = at.event, at.event.to_json(), at.metadata.to_json()
    leaf = leaf_of(
        at.position, at.stream_id, at.version, event.name, event.schema_version, state, metadata, at.recorded_at
    )
    return leaf.record(), state, metadata


def fact_from(at: Recorded) -> Fact:
    return fact_of(*stored_parts(at))


def reference_of(definition: Definition) -> dict[str, Any]:
    return {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in definition.reference}


def reported(definition: Definition, events: Iterable[Recorded], parameters: Mapping[str, str]) -> Result:
    return computed(definition, parameters, reference_of(definition), map(fact_from, events))


def figures_of(result: Result) -> dict[str, Value]:
    return {figure.name: figure.value for section in result.sections for figure in section.figures}


def rows_of(result: Result, table: str) -> list[dict[str, Value]]:
    (found,) = [one for _, one in result.tables() if one.name == table]
    names = [column.name for column in found.columns]
    return [dict(zip(names, row.cells, strict=True)) for row in found.sorted_rows()]
