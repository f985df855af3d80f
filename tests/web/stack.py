"""The whole product on a folder of its own, started and ended as an operator does it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from infra.local.overview import overview
from infra.local.record import Record
from infra.settings import Settings, child_environment


class Stack:
    """`telehealth up` and `down`, and what runs in between."""

    def __init__(self, data: Path) -> None:
        self.settings = Settings.from_env().model_copy(update={"data": data})
        self.environment = child_environment(self.settings)

    async def run(self, command: str, *more: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "infra.cli", command, *more, env=self.environment, stdout=-1, stderr=-2
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise SystemExit(f"telehealth {command} ended with {process.returncode}:\n{said.decode()}")
        return said.decode()

    def record(self) -> Record:
        record = Record.load(self.settings.data)
        assert record is not None
        return record

    async def processes(self) -> dict[str, Any]:
        found: dict[str, Any] = (await overview(self.record()))["processes"]
        return found
