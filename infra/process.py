"""The frame of every process of the product.

Rules: a process is an async `main(settings, vitals, stop)` that runs until `stop` is set; it ends with 0 only when it
was asked to end; whatever else ends it is written down and answered with 1, so that the supervisor starts it again.
The frame's own address is written to run/NAME.json in the data folder before the main function starts.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from pathlib import Path

import structlog
import uvloop

from infra.bootstrap import Main, process_called
from infra.health import Vitals, health_app
from infra.local.files import write_atomically
from infra.log import open_log
from infra.postgres import schema_ready
from infra.serving import bound_socket, serving
from infra.settings import Settings, SettingsRefused

# New objects until the young are looked at; such looks until the next older ones are.
LOOKS_FOR_GARBAGE = (20_000, 20, 20)
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_process(name: str, settings: Settings) -> int:
    """Runs the process of that name to its end and answers its exit code."""
    open_log(name, settings.data / "log", to_stderr=settings.log_to_stderr)
    process = process_called(name)
    assert process is not None
    main = process.load()
    spare_the_collector()
    return uvloop.run(_live(name, main, settings, on_the_log=process.on_the_log))


def spare_the_collector() -> None:
    """Look for garbage in circles less often, and never among what was imported.

    By default a look follows every 700 new objects, of which one command makes some hundred: a fifth of its cost.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*LOOKS_FOR_GARBAGE)


def address_file(data: Path, name: str) -> Path:
    """Where a running process writes its pid and the address of its health answers."""
    return data / "run" / f"{name}.json"


async def _live(name: str, main: Main, settings: Settings, *, on_the_log: bool) -> int:
    log = structlog.get_logger()
    vitals = Vitals(name)
    stop = _stop_on_signals(vitals)
    sock = bound_socket(settings.health_port, settings.listen_address)
    async with serving(health_app(vitals), sock) as url:
        write_atomically(address_file(settings.data, name), json.dumps({"pid": os.getpid(), "health_url": url}))
        log.info("process_started", pid=os.getpid(), port=sock.getsockname()[1])
        try:
            if on_the_log:
                await _reach_log(settings, vitals, stop)
            await main(settings, vitals, stop)
        except Exception as error:
            log.error("process_failed", exc_info=error)
            return 1
        finally:
            vitals.stopping = True
    if not stop.is_set():
        log.error("process_ended_unasked")
        return 1
    log.info("process_stopped")
    return 0


async def _reach_log(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """Wait until the database is there and has the schema of this version, or until asked to stop."""
    if settings.database_url is None:
        raise SettingsRefused("DATABASE_URL must be set")
    vitals.wait_for("database", "is not reached")
    reaching = asyncio.create_task(schema_ready(settings.database_url))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([reaching, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if reaching.done():
        reaching.result()
        vitals.has("database")
    else:
        reaching.cancel()


def _stop_on_signals(vitals: Vitals) -> asyncio.Event:
    """The first signal asks for an end in order; a second one ends at once."""
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            os._exit(130)
        vitals.stopping = True
        stop.set()

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, asked)
    # Output to a terminal that went away must not end the process.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.stdout.flush()
    return stop
