"""docs/reference/views.md: every question that a reader can ask, and what its rows hold."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, get_type_hints

from commands._command import camel
from docs.generate.events import link
from docs.generate.markdown import code, page, sentence, table, told, type_name
from projections._table import Row, Table
from projections._view import Content, View, every_view

READERS = {
    Content.CASE: "those who have to do with the case: facilities that take part in it, and the patient",
    Content.NETWORK: "everybody who works in the network",
    Content.FIGURES: "everybody who works in the network; nobody can be recognised in it",
    Content.OVERSIGHT: "auditors and operators, and whoever it is about",
    Content.INTERNAL: "the system itself, not through the API",
}
INTRODUCTION = """\
A view answers one question and holds nothing that is not in the log: it can be thrown away and filled again with
`telehealth rebuild VIEW`. Every query takes `minPosition`: it is answered when the view has that position, so that
you read your own write. Lists are Relay connections: `first` and `after`. Subscriptions take `after`, the position
you saw last, and give what came after it without gap or double."""


def write() -> str:
    parts = [INTRODUCTION]
    for view in every_view():
        parts += _view(view)
    return page("Views", *parts)


def _view(view: View) -> Iterable[str]:
    about = " ".join((sys.modules[view.tables[0].row.__module__].__doc__ or "").split())
    yield f"## {view.name}"
    yield about
    yield f"- Version {view.version}\n- Read by {READERS[view.content]}\n- From {_events(view)}"
    asked = [_question(name, ask, 2) for name, ask in view.queries.items()]
    asked += [_question(f"{row.__name__}.{camel(name)}", ask, 2) for name, (row, ask) in view.nested.items()]
    if asked:
        yield table(("query", "arguments", "answer"), asked)
    if view.lives:
        lives = [(f"`{camel(live.name)}`", code(camel(live.by)), sentence(live.table.row)) for live in view.lives]
        yield table(("subscription", "by", "updates with"), lives)
    if view.content is not Content.INTERNAL:
        for rows in view.tables:
            yield from _rows(rows)


def _events(view: View) -> str:
    return ", ".join(link(event) for event in sorted(view.handled, key=lambda event: event.name))


def _question(name: str, ask: Callable[..., Any], given: int) -> tuple[str, str, str]:
    """The first parameters are the API's own; `size` is its `first`."""
    parameters = list(inspect.signature(ask).parameters.values())[given:]
    names = [camel("first" if parameter.name == "size" else parameter.name) for parameter in parameters]
    shown = name if "." in name else camel(name)
    return f"`{shown}`", code(*names), told(ask)


def _rows(rows: Table[Any]) -> Iterable[str]:
    yield f"### {rows.row.__name__}"
    yield told(rows.row)
    hints = get_type_hints(rows.row)
    own = [field.name for field in fields(rows.row) if field.name not in {field.name for field in fields(Row)}]
    yield ", ".join(f"`{camel(name)}` {type_name(hints[name])}" for name in own)
