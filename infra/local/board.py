"""Shows a stack in the terminal: a live table for a person, plain lines for a file."""

import contextlib
from typing import Any

from rich.console import Console
from rich.table import Table

COLOURS = {"ready": "green", "failed": "red", "dead": "red", "restarting": "yellow", "unready": "yellow"}
PLACES = {
    "GraphQL": "graphql_url",
    "Room": "room_url",
    "Kafka": "kafka_bootstrap",
    "PostgreSQL": "database_url",
    "Issuer": "issuer",
    "Data": "data",
}


def board(stack: dict[str, Any], *, with_secret: bool = False) -> Table:
    """One row per process, then where the stack is reached."""
    whole = Table.grid(padding=(0, 0))
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("process", "state", "pid", "restarts", "position", "lag", ""):
        rows.add_column(title, justify="right" if title in ("pid", "restarts", "position", "lag") else "left")
    for name, process in stack["processes"].items():
        colour = COLOURS.get(process["state"], "cyan")
        numbers = [_number(process[key]) for key in ("pid", "restarts", "position", "lag")]
        rows.add_row(name, f"[{colour}]{process['state']}[/]", *numbers, _note(process).split("\n")[0][:60])
    whole.add_row(rows)
    whole.add_row("")
    places = Table.grid(padding=(0, 2))
    for title, key in PLACES.items():
        places.add_row(title, stack[key] if with_secret else _without_password(stack[key]))
    whole.add_row(places)
    return whole


def _note(process: dict[str, Any]) -> str:
    """Why it is not ready, or else what it says of itself."""
    return str(process["reason"] or process["details"].get("told", ""))


class Lines:
    """Prints a line for each change, and nothing twice."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[str, str] = {}

    def show(self, states: dict[str, tuple[str, str | None]]) -> None:
        for name, (state, reason) in states.items():
            if self._said.get(name) != state:
                self._said[name] = state
                note = f"  {reason}" if reason and state in ("failed", "restarting", "unready") else ""
                # Whoever read the lines may be gone; the stack runs on without a reader.
                with contextlib.suppress(OSError, SystemExit):
                    self._console.print(f"{name:<12} {state}{note}", markup=False, highlight=False, soft_wrap=True)


def _number(value: object) -> str:
    return "" if value is None else f"{value}"


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, slashes, user = head.partition("://")
    return f"{scheme}{slashes}{user.split(':')[0]}{at}{tail}" if at else url
