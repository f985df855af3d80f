"""Why two editions of a report differ: every changed figure, and the events between the two that changed it.

Rules: an explanation is made of the moves that the fold itself has made (see `Tally`), so what the events explain adds
up to the difference, and a figure without an explanation is shown as such. The two times are kept apart: `late` is what
had happened when the first edition was read and was recorded afterwards, `new` what happened afterwards; `withdrawn`
took back what had been counted, `corrected` counts it otherwise. Where the definition itself was changed, what it alone
changed is told apart from what events did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from projections.audit.reports._kit import Definition, Key, Moved, Result, Value, Words, instant_of


class Why(StrEnum):
    LATE = "late"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Cause:
    """An event between the two editions. `amount` is by how much it changed the cell; 0 where that is no sum."""

    position: int
    name: str
    stream: str
    version: int
    why: Why
    happened_us: int
    recorded_us: int
    amount: int

    def plain(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "name": self.name,
            "stream": self.stream,
            "version": self.version,
            "why": str(self.why),
            "happened": instant_of(self.happened_us),
            "recorded": instant_of(self.recorded_us),
            "amount": self.amount,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure stands: in a section by its name, or in a row and column of a table."""

    section: str
    table: str | None
    row: tuple[Value, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Cell:
    title: Words
    value: Value
    of: Key


@dataclass(frozen=True, slots=True)
class Change:
    place: Place
    title: Words
    before: Value
    after: Value
    causes: Sequence[Cause]

    @property
    def explained(self) -> int:
        return sum(cause.amount for cause in self.causes)

    def plain(self) -> dict[str, Any]:
        return {
            "section": self.place.section,
            "table": self.place.table,
            "row": list(self.place.row),
            "name": self.place.name,
            "title": {"vi": self.title.vi, "en": self.title.en},
            "before": self.before,
            "after": self.after,
            "explained": self.explained,
            "by": [cause.plain() for cause in self.causes],
        }


@dataclass
class Difference:
    """`counts` says how many events of each class there are among the causes."""

    changes: list[Change] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        why = {cause.position: cause.why for change in self.changes for cause in change.causes}
        return {str(one): sum(found is one for found in why.values()) for one in Why}


def difference(
    definition: Definition, before: Result, after: Result, moves: Iterable[Moved], read_at_us: int
) -> Difference:
    """`moves` are those between the editions, `read_at_us` is when the last event of the first one was recorded."""
    cells, others = dict(_cells(before)), dict(_cells(after))
    changed = {
        place: (cells.get(place), others.get(place))
        for place in [*cells, *(place for place in others if place not in cells)]
        if not _same(cells.get(place), others.get(place))
    }
    by_key = _by_prefix(moves, {found.of for pair in changed.values() for found in pair if found is not None})
    found = Difference()
    for place, (old, new) in changed.items():
        shown = new or old
        assert shown is not None
        causes = _causes(definition, by_key.get(shown.of, ()), read_at_us)
        found.changes.append(Change(place, shown.title, _value(old), _value(new), causes))
    return found


def _value(cell: Cell | None) -> Value:
    return None if cell is None else cell.value


def _same(one: Cell | None, other: Cell | None) -> bool:
    """A row that is not there counts nothing, so beside it a 0 is no change."""
    return _value(one) == _value(other) or (
        (one is None or other is None) and {_value(one), _value(other)} == {None, 0}
    )


def _cells(result: Result) -> Iterator[tuple[Place, Cell]]:
    for section in result.sections:
        for figure in section.figures:
            yield Place(section.name, None, (), figure.name), Cell(figure.title, figure.value, figure.of)
        for table in section.tables:
            for row in table.sorted_rows():
                key = table.key_of(row)
                for column, value in zip(table.columns, row.cells, strict=True):
                    if column.name not in table.key:
                        place = Place(section.name, table.name, key, column.name)
                        yield place, Cell(column.title, value, (*row.of, column.name) if row.of else ())


def _by_prefix(moves: Iterable[Moved], wanted: set[Key]) -> Mapping[Key, Sequence[Moved]]:
    """For each wanted key the moves whose key begins with it."""
    found: dict[Key, list[Moved]] = {}
    for one in moves:
        for length in range(1, len(one.key) + 1):
            if (key := one.key[:length]) in wanted:
                found.setdefault(key, []).append(one)
    return found


def _causes(definition: Definition, moves: Sequence[Moved], read_at_us: int) -> list[Cause]:
    """One for each event, in the order of positions. An event may move a cell several times."""
    by_event: dict[int, list[Moved]] = {}
    for one in moves:
        by_event.setdefault(one.fact.position, []).append(one)
    found = []
    for position, own in sorted(by_event.items()):
        fact = own[0].fact
        found.append(
            Cause(
                position,
                fact.name,
                fact.stream,
                fact.version,
                _why(definition, own[0], read_at_us),
                fact.happened_us,
                fact.recorded_us,
                sum(one.amount for one in own),
            )
        )
    return found


def _why(definition: Definition, moved: Moved, read_at_us: int) -> Why:
    if moved.fact.name in definition.withdrawing:
        return Why.WITHDRAWN
    if moved.corrects or moved.fact.name in definition.correcting:
        return Why.CORRECTED
    return Why.LATE if moved.fact.happened_us <= read_at_us else Why.NEW
