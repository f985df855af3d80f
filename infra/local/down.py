"""`telehealth down`: asks the supervisor to end everything in order, and insists when it does not."""

import signal
import time

from rich.console import Console

from infra.local.record import Record
from infra.settings import Settings


def down(settings: Settings, console: Console) -> int:
    """Ends the stack of this data folder, and what a dead supervisor left; 0 also when nothing runs."""
    record = Record.load(settings.data)
    if record is None or not record.running:
        left = record.end_leftovers() if record is not None else []
        console.print(f"ended {', '.join(left)}" if left else "nothing runs")
        return 0
    record.supervisor.signal(signal.SIGTERM)
    deadline = time.monotonic() + 3 * settings.stop_timeout_seconds + 5
    while record.running and time.monotonic() < deadline:
        time.sleep(0.05)
    if record.running:
        record.supervisor.signal(signal.SIGKILL)
    (Record.load(settings.data) or record).end_leftovers()
    console.print("stopped")
    return 0
