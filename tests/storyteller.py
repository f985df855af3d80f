"""Who tells a story with real commands: one after the other, a minute apart, the policies reacting as they go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from commands._bus import Accepted, Bus, EventStore
from commands._command import Command, Context
from commands.policies import policy
from domain._kernel import Actor, Recorded, Role
from domain._reference import ReferenceData
from infra.reference import load
from tests.history import LAUNCH_DAY, called

SYSTEM = Actor(id=called("the system"), roles=frozenset({Role.SYSTEM}))


# A room closes with its care, and most care here had none; a consent that was withdrawn is relied on by nobody.
NOT_CALLED_FOR = ("NOT_FOUND", "NOT_IN_THIS_STATUS")


class Refused(AssertionError):
    """The story went on as if a command took effect, but it was refused."""


@dataclass
class Story:
    """Who tells it: sends the commands one after the other, a minute apart, and lets the policies react."""

    store: EventStore
    now: datetime = LAUNCH_DAY
    reference: ReferenceData = field(default_factory=load)
    bus: Bus = field(init=False)

    def __post_init__(self) -> None:
        self.bus = Bus(self.store)

    async def tell(self, by: Actor, *commands: Command, clinical_time: datetime | None = None) -> None:
        for command in commands:
            self.now += timedelta(minutes=1)
            await self._send(by, command, uuid4(), clinical_time)
            await self._react(command.stream_id)

    async def _send(
        self,
        by: Actor,
        command: Command,
        id_: UUID,
        clinical_time: datetime | None = None,
        or_refused: Collection[str] = (),
    ) -> None:
        context = Context(
            actor=by, now=self.now, correlation_id=uuid4(), clinical_time=clinical_time, reference=self.reference
        )
        answer = await self.bus.handle(command, context, id_)
        if not isinstance(answer, Accepted) and answer.code not in or_refused:
            raise Refused(f"{type(command).__name__}: {answer}")

    async def _react(self, stream_id: UUID) -> None:
        # Derived ids make a reaction that was sent before harmless, so the whole stream can be shown each time.
        for recorded in await self.history(stream_id):
            for id_, command in policy.reactions(recorded):
                await self._send(SYSTEM, command, id_, or_refused=NOT_CALLED_FOR)

    async def history(self, stream_id: UUID) -> Sequence[Recorded]:
        return (await self.store.load({stream_id: 0})).get(stream_id, ())

    def at(self, hour: int, minute: int = 0) -> datetime:
        """A time of the launch day in Viet Nam."""
        return LAUNCH_DAY + timedelta(hours=hour - 9, minutes=minute)
