"""`telehealth status`: answers 0 when the stack is ready, 3 when nothing runs, 4 in between."""

import asyncio
import json

from rich.console import Console

from infra.local.board import board
from infra.local.overview import overview
from infra.local.record import Record
from infra.settings import Settings

READY, NOTHING_RUNS, NOT_READY = 0, 3, 4


def status(settings: Settings, console: Console, *, as_json: bool) -> int:
    record = Record.load(settings.data)
    if record is None or not record.running:
        console.print('{"state": "stopped"}' if as_json else "nothing runs; start it with `telehealth up`")
        return NOTHING_RUNS
    stack = asyncio.run(overview(record))
    if as_json:
        # Printed past the console: its line wrapping would break the JSON.
        console.file.write(json.dumps(stack, indent=2) + "\n")
    else:
        console.print(board(stack))
    healthy = record.state == "ready" and all(p["state"] == "ready" for p in stack["processes"].values())
    return READY if healthy else NOT_READY
