"""docs/reference/lifecycles.md: what can happen when, drawn from the tables that decide it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from docs.generate.catalogue import states
from docs.generate.markdown import page
from domain._kernel import State

INTRODUCTION = """\
An event that stands at no arrow out of a status cannot happen there: the command is refused with
`NOT_IN_THIS_STATUS`. Drawn from the lifecycle of each aggregate, which is what decides."""


def write() -> str:
    parts = [INTRODUCTION]
    for state in states():
        parts += [f"## {state.__name__}", diagram(state)]
    return page("Lifecycles", *parts)


def diagram(state: type[State[Any]]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in _lines(state)), "```"])


def _lines(state: type[State[Any]]) -> Iterable[str]:
    for status, row in state.lifecycle.items():
        arrows: dict[Any, list[str]] = {}
        for event, after in row.items():
            arrows.setdefault(after, []).append(event.name.partition(".")[2])
        for after, names in arrows.items():
            yield f"{status or '[*]'} --> {after}: {', '.join(names)}"
    ends = {after for row in state.lifecycle.values() for after in row.values()} - {
        status for status, row in state.lifecycle.items() if set(row.values()) - {status}
    }
    yield from (f"{status} --> [*]" for status in sorted(ends))
