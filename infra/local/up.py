"""`telehealth up`.

Rules: Ctrl-C, SIGTERM and a closed terminal end the stack in order; with --detach the command returns when everything
is ready, or says why it is not; ends with 0 when it did what it was asked.
"""

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.live import Live

from infra.local.board import Lines, board
from infra.local.overview import overview
from infra.local.ports import PortTaken
from infra.local.program import CannotStart
from infra.local.record import Record
from infra.local.supervisor import AlreadyRunning, Supervisor
from infra.settings import Settings, child_environment

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHOWN_EVERY_SECONDS = 1.0


def up(settings: Settings, console: Console) -> int:
    """Runs the stack in the foreground until it is asked to end."""
    try:
        return asyncio.run(_up(settings, console))
    except (AlreadyRunning, PortTaken, CannotStart) as error:
        console.print(f"telehealth up: {error}", markup=False, highlight=False, soft_wrap=True, style="red")
        return 1


def up_detached(settings: Settings, console: Console) -> int:
    """Starts the stack in the background; returns 0 when it is ready."""
    log = settings.data / "log" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        # Another stack may run on this folder and write here; what this start says comes after.
        before = file.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", "up"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=child_environment(settings),
            start_new_session=True,
        )
    try:
        while process.poll() is None:
            record = Record.load(settings.data)
            if record and record.supervisor.pid == process.pid and record.running and record.state == "ready":
                console.print(board(asyncio.run(overview(record))))
                return 0
            time.sleep(0.05)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
    said = log.read_bytes()[before:].decode(errors="replace")
    console.print(said.strip(), markup=False, highlight=False, soft_wrap=True)
    return process.returncode or 1


async def _up(settings: Settings, console: Console) -> int:
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    lines = Lines(console)
    with _shown_on(console) as live:

        def show(supervisor: Supervisor) -> None:
            if not console.is_terminal:
                lines.show({name: (child.state, child.reason) for name, child in supervisor.children.items()})

        supervisor = Supervisor(settings, show)
        if supervisor.ended_leftovers:
            console.print(f"ended what was left of an earlier run: {', '.join(supervisor.ended_leftovers)}")
        watching = asyncio.create_task(_watch(supervisor, live)) if live is not None else None
        starting = asyncio.create_task(supervisor.start())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                if not console.is_terminal:
                    console.print(board(await overview(supervisor.record())))
                await stopping
        finally:
            starting.cancel()
            await supervisor.stop()
            if watching is not None and live is not None:
                watching.cancel()
                live.update(board(await overview(supervisor.record())), refresh=True)
    console.print("stopped")
    return 0


async def _watch(supervisor: Supervisor, live: Live) -> None:
    while True:
        live.update(board(await overview(supervisor.record())), refresh=True)
        await asyncio.sleep(SHOWN_EVERY_SECONDS if supervisor.state == "ready" else 0.2)


def _shown_on(console: Console) -> AbstractContextManager[Live | None]:
    """A live table for a person; nothing where the output goes to a file."""
    return Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext()
