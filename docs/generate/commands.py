"""docs/reference/commands.md: every request that somebody may make, which is every mutation."""

from __future__ import annotations

from collections.abc import Iterable

from commands._command import Command, Reference, camel
from docs.generate.catalogue import commands_of, states
from docs.generate.events import link
from docs.generate.markdown import code, fields_of, page, table, told

INTRODUCTION = """\
Every command is a mutation of GraphQL: `name(input, commandId, expectedVersion, clinicalTime, onBehalfOf)`. The
`commandId` is yours: the same id sent again is answered as the first time and has no second effect. The answer is
data: `CommandAccepted` with the position of its events, or `CommandRejected` with a [code](errors.md).

"Rests on" names what the decision looks at besides the aggregate itself: if that changes before the events are in
the log, the decision is made again."""


def write() -> str:
    parts = [INTRODUCTION]
    for state in states():
        parts.append(f"## {state.__name__}")
        for command in commands_of(state):
            parts += _command(command)
    return page("Commands", *parts)


def _command(command: type[Command]) -> Iterable[str]:
    yield f"### {camel(command.__name__)}"
    yield told(command)
    facts = [f"- By: {', '.join(sorted(command.by))}"]
    facts.append(f"- Leads to: {', '.join(link(event) for event in sorted(command.leads_to, key=lambda e: e.name))}")
    if command.rests_on:
        facts.append(f"- Rests on: {', '.join(_reference(one) for one in command.rests_on)}")
    yield "\n".join(facts)
    rows = [
        (f"`{camel(name)}`{' (optional)' if optional else ''}", kind) for name, kind, optional in fields_of(command)
    ]
    yield table(("input", "type"), rows)


def _reference(reference: Reference) -> str:
    kind = "" if reference.name == reference.kind.kind else f" ({reference.kind.kind})"
    number = " (any number)" if reference.many else " (where there is one)" if reference.optional else ""
    return f"{code(reference.name)}{kind}{number}"
