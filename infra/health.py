"""What a process tells about itself: /healthz, /readyz, /metrics and /status on a port of its own.

Rules: `Vitals` is the one object that a process's parts write to and nobody else reads except through here; a process
is ready when it waits for nothing, and says what it waits for until then; nothing here touches a database, so the
answers come also when everything else hangs.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

START = "start"


@dataclass(slots=True)
class Vitals:
    """The living state of one process. Position is the last one handled, lag is how many positions are still to do."""

    process: str
    waiting: dict[str, str] = field(default_factory=lambda: {START: "is starting"})
    stopping: bool = False
    position: int | None = None
    lag: int | None = None
    details: dict[str, object] = field(default_factory=dict)

    def wait_for(self, what: str, why: str) -> None:
        """The process cannot do its work until `what` is there; /readyz answers 503 with `why`."""
        self.waiting[what] = why

    def has(self, what: str) -> None:
        """`what` is there (again)."""
        self.waiting.pop(what, None)

    def started(self) -> None:
        """The main function has set itself up; what else it waits for it says by `wait_for`."""
        self.has(START)

    @property
    def ready(self) -> bool:
        return not self.waiting and not self.stopping

    @property
    def state(self) -> str:
        if self.stopping:
            return "stopping"
        if START in self.waiting:
            return "starting"
        return "waiting" if self.waiting else "ready"

    def snapshot(self) -> dict[str, object]:
        return {
            "process": self.process,
            "pid": os.getpid(),
            "state": self.state,
            "waiting": dict(self.waiting),
            "position": self.position,
            "lag": self.lag,
            "details": self.details,
        }


class _VitalsCollector(Collector):
    """The vitals as gauges, read at the moment of the scrape."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterable[Metric]:
        yield self._gauge("telehealth_ready", "1 when the process waits for nothing.", float(self._vitals.ready))
        if self._vitals.position is not None:
            yield self._gauge("telehealth_position", "Last position handled.", float(self._vitals.position))
        if self._vitals.lag is not None:
            yield self._gauge("telehealth_lag", "Positions not handled yet.", float(self._vitals.lag))

    def _gauge(self, name: str, text: str, value: float) -> GaugeMetricFamily:
        gauge = GaugeMetricFamily(name, text, labels=["process"])
        gauge.add_metric([self._vitals.process], value)
        return gauge


def health_app(vitals: Vitals) -> Starlette:
    """The four answers as an ASGI app."""
    own = CollectorRegistry()
    own.register(_VitalsCollector(vitals))

    async def healthz(_: Request) -> Response:
        return _json({"process": vitals.process})

    async def readyz(_: Request) -> Response:
        reasons = {"stop": "is stopping"} if vitals.stopping else dict(vitals.waiting)
        return _json({"ready": vitals.ready, "waiting": reasons}, 200 if vitals.ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(REGISTRY) + generate_latest(own), media_type="text/plain; version=0.0.4")

    async def status(_: Request) -> Response:
        return _json(vitals.snapshot())

    answers = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics, "/status": status}
    return Starlette(routes=[Route(path, answer) for path, answer in answers.items()])


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value, default=str), status, media_type="application/json")
