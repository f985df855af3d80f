"""A step of the play: one command, when it is sent, by whom, and under which id.

Rules: a step holds what its command needs, and makes it only when it is sent, because most steps of a run that is
taken up again were done before. The steps of one chain are sent one after the other, each when the one before it was
answered; chains wait for each other only from one window to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

from commands._command import Command
from domain._kernel import Actor, Role

SEEDS = UUID("0d1f6b8e-5a0c-5c5e-9b1e-14000c0ffee0")
SYSTEM = Actor(id=uuid5(SEEDS, "the house"), roles=frozenset({Role.SYSTEM}))
# An hour that ends when the shift begins: who was put on duty in it is on duty for all that comes later.
WINDOW, FROM_MINUTE = timedelta(hours=1), timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class Step:
    """`signs`: the command names the digest of what its stream holds when it is sent.

    `shared`: other chains send the same one, as when somebody comes back, and only the first time counts.
    """

    at: datetime
    chain: UUID
    id: UUID
    by: Actor
    kind: type[Command]
    given: Mapping[str, Any]
    signs: bool = False
    shared: bool = False

    def command(self, content_sha256: str | None = None) -> Command:
        signed = {"content_sha256": content_sha256} if self.signs else {}
        return self.kind(**self.given, **signed)


@dataclass(frozen=True, slots=True)
class Window:
    """Steps that may be sent at once, chain by chain. `upto` is the end of its time."""

    upto: datetime
    steps: tuple[Step, ...]

    def chains(self) -> list[list[Step]]:
        """In the order in which they begin."""
        found: dict[UUID, list[Step]] = {}
        for step in self.steps:
            found.setdefault(step.chain, []).append(step)
        return list(found.values())


def windows(steps: Iterable[Step]) -> Iterator[Window]:
    """Steps in the order of their times, by hours; hours without a step are left out."""
    for begins, ones in groupby(steps, key=_hour):
        yield Window(begins + WINDOW, tuple(ones))


def _hour(step: Step) -> datetime:
    return (step.at - FROM_MINUTE).replace(minute=0, second=0, microsecond=0) + FROM_MINUTE


@lru_cache(maxsize=100_000)
def actor(id_: UUID, role: Role, facility_id: UUID | None = None) -> Actor:
    return Actor(id=id_, roles=frozenset({role}), facility_id=facility_id)
