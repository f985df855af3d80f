"""A program beside this one, so that its memory is its own: it prints one line of JSON and dies with us."""

from __future__ import annotations

import asyncio
import sys
from signal import SIGKILL
from typing import Any

import orjson

from infra.local.kinship import tethered

PATIENCE_S = 4 * 3_600.0


async def told_by(module: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(
        *tethered(command, orphan_signal=SIGKILL), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} ended with {process.returncode}")
    found: dict[str, Any] = orjson.loads(told)
    return found
