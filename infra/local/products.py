"""The product's own processes as programs: each is `telehealth run NAME` with its health asked over HTTP."""

import sys
from collections.abc import Mapping
from pathlib import Path

from infra.local.probe import ask, health_url
from infra.local.program import Program


def product(name: str, data: Path, environment: Mapping[str, str]) -> Program:
    """The process of that name; it is ready when its /readyz says so."""

    async def why_not_ready(pid: int) -> str | None:
        url = health_url(data, name, pid)
        if url is None:
            return "has no address yet"
        try:
            code, answer = await ask(f"{url}/readyz")
        except OSError as error:
            return str(error)
        return None if code == 200 else "; ".join(f"{k} {v}" for k, v in answer["waiting"].items())

    return Program(name, (sys.executable, "-m", "infra.cli", "run", name), environment, why_not_ready)
