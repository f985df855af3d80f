"""The API as the process that it is, on a database of the tests: one that can die, be asked for its memory, and log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from infra.issuer import issue_token
from infra.local.child import Child
from infra.local.ports import Ports, issuer_url
from infra.local.products import product
from infra.serving import LOOPBACK
from infra.settings import Settings, child_environment


@dataclass
class ApiProcess:
    settings: Settings
    child: Child

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.settings.api_port}/graphql"

    def token(self, *roles: str, at: UUID | None = None) -> str:
        return issue_token(self.settings, roles, facility=at)

    @property
    def never_died(self) -> bool:
        return self.child.restarts == 0 and self.child.kin is not None and self.child.kin.alive

    @property
    def resident_mb(self) -> float:
        """The memory that the process has in hand."""
        assert self.child.kin is not None
        lines = Path(f"/proc/{self.child.kin.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    @property
    def log(self) -> str:
        return (self.settings.data / "log" / "api.log").read_text()


@asynccontextmanager
async def api_process(dsn: str, data: Path) -> AsyncIterator[ApiProcess]:
    """An issuer and an API of their own, each a process."""
    given = Settings.from_env().model_copy(update={"data": data, "database_url": dsn})
    ports = Ports.choose(given)
    bound = given.model_copy(update={"api_port": ports.api, "issuer_port": ports.issuer, "log_to_stderr": False})
    settings = bound.model_copy(update={"oidc_issuer": issuer_url(bound)})
    children = [
        Child(product(name, data, child_environment(settings)), data / "log" / f"{name}.out", 10, lambda: None)
        for name in ("issuer", "api")
    ]
    try:
        for child in children:
            child.start()
        async with asyncio.timeout(60):
            await asyncio.gather(*(child.first_ready() for child in children))
        yield ApiProcess(settings, children[1])
    finally:
        for child in reversed(children):
            await child.stop()
