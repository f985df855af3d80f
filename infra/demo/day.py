"""One launch day: who acts, and what the product answered to each.

Rules: everything goes through GraphQL with the token of the one who acts; every answer is kept with the moment at
which it was asked for, so that the end can be compared with the log; a refusal that the script did not ask for ends
the day, with its reason.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx

from infra.client import Accepted, Client, Rejected
from infra.demo.stage import Stage
from infra.issuer import issue_token
from infra.local.record import Record
from infra.settings import Settings

TOKEN_MINUTES = 120
CONNECTIONS = 32
CARRY_PICTURES = frozenset({"media", "recorder", "playback", "reactors"})


class NotAsItMustBe(Exception):
    """The day cannot go on, or its end is wrong; the message says why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts: in one role, at one facility or for the whole network."""

    id: UUID
    role: str
    name: str
    facility_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A command as this client saw it: sent when (monotonic seconds), and how it was answered."""

    command_id: UUID
    name: str
    sent: float
    result: Accepted | Rejected


@dataclass
class Day:
    """The state of a run on the client's side. `speed` shortens the pauses that people would make.

    `live` says whether there is somebody to carry pictures; `ultrasound` is a loop to show in the place of our own.
    """

    settings: Settings
    url: str
    http: httpx.AsyncClient
    stage: Stage
    speed: float
    policies_run: bool = False
    live: bool = False
    ultrasound: Path | None = None
    started_at: int = 0
    seed: UUID = field(default_factory=uuid4)
    answers: list[Answer] = field(default_factory=list)
    sent: dict[str, float] = field(default_factory=dict)
    _clients: dict[UUID, Client] = field(default_factory=dict)

    def id(self, name: str) -> UUID:
        """An id of this run: new in each run, the same for the same name within one."""
        return uuid5(self.seed, name)

    def person(self, role: str, name: str, facility_id: UUID | None = None) -> Person:
        return Person(self.id(f"{role} {name} {facility_id}"), role, name, facility_id)

    def client(self, who: Person) -> Client:
        if who.id not in self._clients:
            token = issue_token(
                self.settings,
                who.role,
                subject=who.id,
                facility=who.facility_id,
                name=who.name,
                minutes=TOKEN_MINUTES,
            )
            self._clients[who.id] = Client(self.url, token, self.http)
        return self._clients[who.id]

    async def ask(self, who: Person, document: str, **variables: Any) -> dict[str, Any]:
        return await self.client(who).ask(document, **variables)

    async def do(
        self, who: Person, name: str, given: Mapping[str, Any], *, id_: UUID | None = None, at: str | None = None
    ) -> Accepted:
        """Something that must be possible. `id_`: a command id that other runs share; `at`: when it happened."""
        answer = await self._send(who, name, given, id_, at)
        if isinstance(answer, Rejected):
            raise NotAsItMustBe(f"{name} was refused with {answer.code}: {answer.message}")
        return answer

    async def try_in_vain(self, who: Person, name: str, given: Mapping[str, Any], code: str) -> Rejected:
        """Something that the rules must refuse, with this code."""
        answer = await self._send(who, name, given, None, None)
        if isinstance(answer, Accepted) or answer.code != code:
            raise NotAsItMustBe(f"{name} had to be refused with {code}, the answer was {answer}")
        self.stage.refused(who.name, name, answer)
        return answer

    async def beat(self, seconds: float) -> None:
        """The time that people would take."""
        await asyncio.sleep(seconds / self.speed)

    async def _send(
        self, who: Person, name: str, given: Mapping[str, Any], id_: UUID | None, at: str | None
    ) -> Accepted | Rejected:
        command_id = id_ or uuid4()
        sent = self.sent[str(command_id)] = time.monotonic()
        client = self.client(who)
        result = await client.command(name, given, command_id=command_id, clinical_time=at)
        self.answers.append(Answer(command_id, name, sent, result))
        self.stage.answered(result)
        return result


@asynccontextmanager
async def new_day(
    settings: Settings,
    record: Record,
    stage: Stage,
    speed: float,
    *,
    ultrasound: Path | None = None,
) -> AsyncIterator[Day]:
    """A day on the stack of this record, with what of it runs."""
    policies_run, live = "reactors" in record.members, record.members.keys() >= CARRY_PICTURES
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, timeout=30, trust_env=False) as http:
        yield Day(settings, record.graphql_url, http, stage, speed, policies_run, live, ultrasound)


async def all_of(limit: int, *work: Any) -> list[Any]:
    """Run the coroutines, at most so many at a time; the first failure ends all."""
    gate = asyncio.Semaphore(limit)

    async def one(coroutine: Any) -> Any:
        async with gate:
            return await coroutine

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(coroutine)) for coroutine in work]
    return [task.result() for task in tasks]
