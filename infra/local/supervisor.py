"""The supervisor: starts the stores, then the product, keeps them alive and ends them in order.

Rules: one supervisor per data folder, by a lock that dies with it; what an earlier one left behind is ended first,
and only what is certainly ours; the product is started after the stores are ready and ended before them, each in the
reverse order of its start; if the supervisor dies in any way, the kernel ends its children.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.bootstrap import PROCESSES, copies_of
from infra.local.child import Child
from infra.local.files import locked
from infra.local.kafka import Kafka
from infra.local.kinship import Kin
from infra.local.ports import USES, Ports, copy_port, issuer_url
from infra.local.postgres import Postgres
from infra.local.products import product
from infra.local.program import CannotStart, Program
from infra.local.record import Member, Record
from infra.serving import LOOPBACK
from infra.settings import Settings, child_environment


class AlreadyRunning(Exception):
    """Another supervisor has this data folder."""


class Supervisor:
    """One stack. `changed` is called after every change of any program's state."""

    def __init__(self, settings: Settings, changed: Callable[["Supervisor"], None] = lambda _: None) -> None:
        self._changed = changed
        self._lock = locked(settings.data / "stack.lock", AlreadyRunning(f"a stack already runs on {settings.data}"))
        self.ended_leftovers = _end_leftovers(settings.data)
        self.state = "starting"
        ports = Ports.choose(settings)
        given = child_environment(settings)
        postgres = None if settings.database_url else Postgres(settings.data, ports.postgres, given)
        kafka_ports = (ports.kafka, ports.kafka_controller)
        kafka = None if settings.kafka_bootstrap else Kafka(settings.data, settings.cache, kafka_ports, given)
        self.settings = settings.model_copy(
            update={
                "database_url": settings.database_url or (postgres and postgres.dsn()),
                "kafka_bootstrap": settings.kafka_bootstrap or (kafka and kafka.bootstrap),
                "api_port": ports.api,
                "issuer_port": ports.issuer,
                "witness_port": ports.witness,
                "media_http_port": ports.media_http,
                "playback_port": ports.playback,
                "media_udp_port": ports.media_udp,
                "witness_url": settings.witness_url or f"http://{LOOPBACK}:{ports.witness}",
                "health_port": 0,
                "oidc_issuer": issuer_url(settings.model_copy(update={"issuer_port": ports.issuer})),
                # The file has every line already; the captured output is for what could not be logged.
                "log_to_stderr": False,
            }
        )
        stores = [store.program() for store in (postgres, kafka) if store is not None]
        products = [
            product(name, self.settings.data, child_environment(_of_copy(self.settings, name, ports)))
            for kind in _wanted(settings)
            for name in copies_of(kind, settings)
        ]
        self.children: Mapping[str, Child] = {p.name: self._child(p) for p in (*stores, *products)}

    async def start(self) -> None:
        """Returns when everything is ready; CannotStart names what is not, after everything was ended again."""
        try:
            async with asyncio.timeout(self.settings.start_timeout_seconds):
                for stores in (True, False):
                    stage = [child for child in self.children.values() if child.program.is_store is stores]
                    for child in stage:
                        child.start()
                    await asyncio.gather(*(child.first_ready() for child in stage))
        except (TimeoutError, CannotStart) as error:
            late = [f"{name} ({c.reason})" for name, c in self.children.items() if c.state not in ("ready", "stopped")]
            await self.stop()
            if isinstance(error, CannotStart):
                raise
            raise CannotStart(f"not ready after {self.settings.start_timeout_seconds:g} s: {', '.join(late)}") from None
        self.state = "ready"
        self._record()

    async def stop(self) -> None:
        """Ends the product in reverse order, then the stores."""
        self.state = "stopping"
        self._record()
        for child in reversed([c for c in self.children.values() if not c.program.is_store]):
            await child.stop()
        await asyncio.gather(*(c.stop() for c in self.children.values() if c.program.is_store))
        self.state = "stopped"
        self._record()

    def record(self) -> Record:
        supervisor = Kin.of(os.getpid())
        assert supervisor is not None
        return Record(
            supervisor=supervisor,
            state=self.state,
            data=str(self.settings.data),
            graphql_url=f"http://{LOOPBACK}:{self.settings.api_port}/graphql",
            kafka_bootstrap=self.settings.kafka_bootstrap or "",
            database_url=self.settings.database_url or "",
            issuer=self.settings.oidc_issuer or "",
            members={name: _member(child) for name, child in self.children.items()},
        )

    def _child(self, program: Program) -> Child:
        log = self.settings.data / "log" / (f"{program.name}.log" if program.is_store else f"{program.name}.out")
        return Child(program, log, self.settings.stop_timeout_seconds, self._record)

    def _record(self) -> None:
        # A full disk must not end the supervision: the next change is written when there is room again.
        with contextlib.suppress(OSError):
            self.record().save()
        self._changed(self)


def _wanted(settings: Settings) -> list[str]:
    """Those that these settings have a use for; only the named ones, where some are named."""
    if unknown := sorted(set(settings.processes) - PROCESSES.keys()):
        raise CannotStart(f"TELEHEALTH_PROCESSES names {unknown[0]}; there are {', '.join(PROCESSES)}")
    named = settings.processes or tuple(PROCESSES)
    return [name for name, process in PROCESSES.items() if name in named and process.wanted(settings)]


def _of_copy(settings: Settings, name: str, ports: Ports) -> Settings:
    """What a media worker has for itself: its name and its ports."""
    kind, _, number = name.rpartition("-")
    if name == "media":
        return settings.model_copy(update={"media_worker": "media-1"})
    if kind != "media":
        return settings
    own = {f"media_{use}_port": ports.copies[copy_port(int(number), use)] for use in USES}
    return settings.model_copy(update={**own, "media_worker": name})


def _member(child: Child) -> Member:
    return Member(
        kin=child.kin,
        state=child.state,
        reason=child.reason,
        restarts=child.restarts,
        log=str(child.log.with_suffix(".log")),
        is_store=child.program.is_store,
        stop_signals=tuple(int(number) for number in child.program.stop_signals),
    )


def _end_leftovers(data: Path) -> list[str]:
    last = Record.load(data)
    return last.end_leftovers() if last is not None else []
