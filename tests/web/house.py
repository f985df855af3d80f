"""What a room in the browser needs of the product, as real processes on the run's PostgreSQL, and without a Kafka."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.child import Child
from infra.local.ports import Ports, issuer_url
from infra.local.products import product
from infra.serving import LOOPBACK
from infra.settings import Settings, child_environment
from tests.inline_worker import InlineWorker

PROCESSES = ("issuer", "api", "media")


@dataclass
class House:
    """An issuer, an API with its page, and a media worker; the views are kept by the test's own process."""

    settings: Settings
    children: dict[str, Child]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.settings.api_port}/graphql"

    def kill(self, name: str) -> None:
        """As hard as it goes; whoever keeps the child starts it again."""
        kin = self.children[name].kin
        assert kin is not None
        os.kill(kin.pid, signal.SIGKILL)


@asynccontextmanager
async def house(dsn: str, data: Path) -> AsyncIterator[House]:
    given = Settings.from_env().model_copy(update={"data": data, "database_url": dsn, "log_to_stderr": False})
    ports = Ports.choose(given)
    chosen = {
        "api_port": ports.api,
        "issuer_port": ports.issuer,
        "media_http_port": ports.media_http,
        "media_udp_port": ports.media_udp,
    }
    bound = given.model_copy(update=chosen)
    settings = bound.model_copy(update={"oidc_issuer": issuer_url(bound)})
    environment = child_environment(settings)
    children = {
        name: Child(product(name, data, environment), data / "log" / f"{name}.out", 10, lambda: None)
        for name in PROCESSES
    }
    worker = InlineWorker(dsn)
    await worker.start()
    try:
        for child in children.values():
            child.start()
        async with asyncio.timeout(120):
            await asyncio.gather(*(child.first_ready() for child in children.values()))
        yield House(settings, children)
    finally:
        await asyncio.gather(*(child.stop() for child in children.values()))
        await worker.stop()
