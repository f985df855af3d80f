"""What the commands of reports share: what they were told, and how they reach the log and end.

Exit codes: 0 done, 1 refused or failed with a code, 2 asked wrongly or nothing runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console

from infra.audit.commands import moment
from infra.audit.definitions import Installed, installed
from infra.blobs import BlobFolder
from infra.local.record import database_of
from infra.postgres import Connection, connect
from infra.settings import Settings
from projections.audit.reports._kit import ParameterRefused, Refused


class Asked(Exception):
    """It was asked wrongly; the message says how to ask."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line was told."""

    name: str
    parameters: Sequence[str] = ()
    as_of: str | None = None
    ground: str = ""
    wait_s: float = 120


def on_the_log(settings: Settings, console: Console, work: Callable[[Connection, str], Awaitable[int]]) -> int:
    dsn = database_of(settings)
    if dsn is None:
        console.print("Nothing runs; start it with `telehealth up`, or set DATABASE_URL.")
        return 2

    async def run() -> int:
        db = await connect(dsn, statement_timeout="10min")
        try:
            return await work(db, dsn)
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    except (Asked, ParameterRefused) as fault:
        console.print(str(fault), highlight=False)
        return 2
    except Refused as refusal:
        console.print(f"{refusal.code}: {refusal}", highlight=False)
        return 1


def known(name: str) -> Installed:
    found = installed().get(name)
    if found is None:
        raise Asked(f"There is no report {name}; there are {', '.join(installed())}.")
    return found


def parameters_of(wish: Wish) -> dict[str, str]:
    pairs = [text.partition("=") for text in wish.parameters]
    if any(not sign for _, sign, _ in pairs):
        raise Asked("A parameter is given as name=value.")
    return known(wish.name).definition.read_parameters({name: value for name, _, value in pairs})


def as_of(text: str | None) -> int | datetime | None:
    try:
        return moment(text)
    except ValueError as fault:
        raise Asked(f"Neither a position nor a time with its offset: {text}") from fault


def blobs_of(settings: Settings) -> BlobFolder:
    return BlobFolder(settings.data / "blobs")
