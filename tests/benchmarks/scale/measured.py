"""What was measured so far, on disk after every step."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.files import write_atomically
from tests.benchmarks import machine

Step = Callable[[], Awaitable[dict[str, Any]]]


@dataclass
class Measured:
    """`sizes` holds the steps of each size of the log, by its number of events."""

    file: Path
    content: dict[str, Any]

    @classmethod
    def at(cls, file: Path) -> Measured:
        if file.exists():
            return cls(file, json.loads(file.read_text()))
        return cls(file, {"machine": machine.description(), "sizes": {}})

    def of(self, events: int) -> dict[str, Any]:
        found: dict[str, Any] = self.content["sizes"].setdefault(str(events), {})
        return found

    def has(self, events: int, step: str) -> bool:
        return "done_at" in self.of(events).get(step, {})

    def forget(self, events: int) -> None:
        del self.content["sizes"][str(events)]

    async def step(self, events: int, name: str, measure: Step) -> None:
        """Measure this step, unless it was done before, and write down what came of it and who else was busy."""
        if self.has(events, name):
            return
        with machine.neighbours() as busy:
            found = await measure()
        self.of(events)[name] = {**found, "machine_was": busy, "done_at": datetime.now(UTC).isoformat()}
        self.save()

    def save(self) -> None:
        write_atomically(self.file, json.dumps(self.content, indent=1, ensure_ascii=False) + "\n")
