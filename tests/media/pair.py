"""Two workers of one machine in this process, joined by real pipes, and who knows which of them has a room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from infra.media_places import Placement, Run
from media.framed import listening
from media.outflow import Outflow
from tests.media.ward import Ward, ward


@dataclass
class Town:
    """Where each room's origin is, as the database would say; every other worker helps with it."""

    runs: list[Run] = field(default_factory=list)
    origins: dict[UUID, Run] = field(default_factory=dict)
    strict: bool = False
    """Whether nobody else helps with a room."""


@dataclass
class Post:
    """One worker's view of the town."""

    town: Town
    run: Run

    @property
    def run_id(self) -> UUID:
        return self.run.run_id

    async def find(self, session_id: UUID) -> Placement | None:
        origin = self.town.origins.get(session_id, self.town.runs[0])
        return Placement(origin, origin if self.town.strict else self.run)


@dataclass
class Pair:
    """A room at `origin`, which feeds `edge`."""

    town: Town
    origin: Ward
    edge: Ward

    def moves_to(self, there: Ward) -> None:
        self.town.origins[there.session_id] = next(run for run in self.town.runs if run.url == there.url)


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        town = Town()
        wards = [await stack.enter_async_context(ward()) for _ in range(2)]
        for number, one in enumerate(wards):
            path = folder / f"{number}.sock"
            server = await listening(partial(Outflow, one.engine), path)
            stack.callback(server.close)
            run = Run(uuid4(), f"media-{number}", one.url, f"here:{path}")
            town.runs.append(run)
            one.engine.directory = Post(town, run)
        origin, edge = wards
        # One deployment: the same keys, the same room.
        edge.desk._keys, edge.desk._signing = origin.desk._keys, origin.desk._signing
        edge.session_id, edge.point_id = origin.session_id, origin.point_id
        yield Pair(town, origin, edge)
