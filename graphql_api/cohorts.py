"""Subscribers who asked the same thing share one execution: the frame is made once and sent to all of them.

A cohort is all subscriptions with the same document, variables and scope; cohorts that differ in scope alone and are
shown the same, as the points of one consultation are, share the frame too. Each subscriber has a place of its own in
the log: it is first brought from the position it saw last to that of the cohort, from history, and then takes the
cohort's frames. One that cannot keep up loses its queue, never an event: it is brought up from history again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import structlog
from graphql import FieldNode, GraphQLError, ValueNode, VariableNode, get_argument_values, get_variable_values

from commands._bus import Unavailable
from graphql_api.access import Viewer
from graphql_api.engine import BadRequest, Engine, Operation
from graphql_api.feed import Feed
from graphql_api.sources import Interest, Source, Update
from graphql_api.viewer import RequestContext, Services
from infra.mapper import Stored
from infra.measures import SUBSCRIPTIONS
from infra.postgres import LINE_FAULTS
from projections._view import Connection

LONGEST_QUEUE = 256
AGAIN_AFTER_S = 0.25
# The codes of errors that say nothing about the question, and what is raised when nothing can be read for now.
AGAIN = frozenset({"UNAVAILABLE", "TIMEOUT"})
AWAY = (*LINE_FAULTS, Unavailable)
log = structlog.get_logger("subscriptions")


def next_message(id_: str, payload: bytes) -> bytes:
    return b'{"id":' + orjson.dumps(id_) + b',"type":"next","payload":' + payload + b"}"


@dataclass(frozen=True)
class Frame:
    """One answer, made once for all: the JSON of an execution result with what happened in (since, position]."""

    since: int
    position: int
    payload: bytes
    _made: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)

    def message(self, id_: str, frame: Callable[[bytes], bytes]) -> bytes:
        """The message to the subscription that its client calls by this id. Made once for clients that count alike."""
        known = self._made.get(id_)
        if known is None:
            self._made.clear()
            known = self._made[id_] = frame(next_message(id_, self.payload))
        return known


@dataclass(eq=False)
class Subscriber:
    queue: deque[Frame] = field(default_factory=deque)
    lost: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, frame: Frame) -> None:
        if len(self.queue) >= LONGEST_QUEUE:
            self.queue.clear()
            self.lost = True
        else:
            self.queue.append(frame)
        self.woken.set()


@dataclass(eq=False)
class Cohort:
    operation: Operation
    interest: Interest
    viewer: Viewer
    asked: Hashable
    members: set[Subscriber] = field(default_factory=set)


class Subscriptions:
    """All open subscriptions of this process."""

    def __init__(self, engine: Engine, feed: Feed, services: Services, sources: Sequence[Source]) -> None:
        self._engine, self._feed, self._services = engine, feed, services
        self._sources = {source.name: source for source in sources}
        self._cohorts: dict[Hashable, Cohort] = {}
        feed.listen(self.released)

    async def open(self, operation: Operation, viewer: Viewer, after: int | None = None) -> AsyncGenerator[Frame, None]:
        """The frames of one subscription, from `after` on where given, else from the operation's own argument.

        Raises BadRequest or AccessDenied before the first one.
        """
        source, arguments = self._read(operation)
        own = arguments.pop("after", None)
        position = own if after is None else after
        interest = source.interest(viewer, arguments)
        return self._run(Cohort(operation, interest, viewer, _asked(operation)), position)

    def open_now(self) -> int:
        """How many subscribers there are at this moment."""
        return sum(len(cohort.members) for cohort in self._cohorts.values())

    async def _run(self, asked: Cohort, position: int | None) -> AsyncGenerator[Frame, None]:
        key = asked.asked, asked.interest
        cohort = self._cohorts.setdefault(key, asked)
        subscriber = Subscriber()
        cohort.members.add(subscriber)
        name = cohort.interest.source.name
        SUBSCRIPTIONS.labels(name).inc()
        try:
            if position is None:
                frame = await self._first(cohort)
                position = frame.position
                yield frame
            subscriber.lost = True
            while True:
                if subscriber.lost:
                    subscriber.lost = False
                    async for frame in self._brought_up(cohort, position):
                        position = frame.position
                        yield frame
                while subscriber.queue and not subscriber.lost:
                    frame = subscriber.queue.popleft()
                    if frame.since < position:
                        # The subscriber has it, or a part of it, from history or from another process.
                        subscriber.lost = True
                        continue
                    position = frame.position
                    yield frame
                if not subscriber.queue and not subscriber.lost:
                    subscriber.woken.clear()
                    await subscriber.woken.wait()
        finally:
            SUBSCRIPTIONS.labels(name).dec()
            cohort.members.discard(subscriber)
            if not cohort.members and self._cohorts.get(key) is cohort:
                del self._cohorts[key]

    async def _first(self, cohort: Cohort) -> Frame:
        """How things stand; asked for until the database answers."""
        while True:
            try:
                async with self._services.reader.acquire() as db:
                    snapshot = await cohort.interest.source.snapshot(db, cohort.interest, self._feed.released)
                return await self._frame(cohort, snapshot, since=0)
            except AWAY as fault:
                await _wait_for_database(fault)

    async def _brought_up(self, cohort: Cohort, position: int) -> AsyncGenerator[Frame, None]:
        """From history, and on from where it broke off when the database went away: no client comes back for that."""
        while True:
            try:
                async for frame in self._catch_up(cohort, position):
                    position = frame.position
                    yield frame
                return
            except AWAY as fault:
                await _wait_for_database(fault)

    async def _catch_up(self, cohort: Cohort, position: int) -> AsyncGenerator[Frame, None]:
        """From history, until nothing is left that the cohort's next frame would not bring."""
        upto = self._feed.released
        if position >= upto:
            return
        async with self._services.reader.acquire() as db:
            async for update in cohort.interest.source.history(db, cohort.interest, position, upto):
                yield await self._frame(cohort, update, since=position)

    async def released(self, db: Connection, batch: Sequence[Stored]) -> None:
        """Bring a batch of the feed to whom it concerns."""
        for source in self._sources.values():
            cohorts: dict[Interest, list[Cohort]] = {}
            for cohort in self._cohorts.values():
                if cohort.interest.source is source:
                    cohorts.setdefault(cohort.interest, []).append(cohort)
            if cohorts:
                updates = await source.concern(db, list(cohorts), batch)
                await self._publish(cohorts, updates, since=batch[0].position - 1)

    async def _publish(
        self, cohorts: Mapping[Interest, Sequence[Cohort]], updates: Mapping[Interest, Update], since: int
    ) -> None:
        """Cohorts that asked the same and are shown the same update differ in their viewers only: one frame does."""
        frames: dict[Hashable, Frame] = {}
        for interest, update in updates.items():
            for cohort in cohorts[interest]:
                key = (cohort.asked, id(update))
                if key not in frames:
                    frames[key] = await self._frame(cohort, update, since)
                for subscriber in tuple(cohort.members):
                    subscriber.offer(frames[key])

    async def _frame(self, cohort: Cohort, update: Update, since: int) -> Frame:
        context = RequestContext(cohort.viewer, self._services, uuid4(), datetime.now(UTC))
        response = await self._engine.execute(cohort.operation, context, root=update)
        if not AGAIN.isdisjoint(error["extensions"]["code"] for error in response.get("errors", ())):
            # Half a frame would tell its subscribers that they have everything up to its position.
            raise Unavailable()
        return Frame(since, update.position, orjson.dumps(response))

    def _read(self, operation: Operation) -> tuple[Source, dict[str, Any]]:
        """The source that a subscription's one field names, and the field's arguments."""
        root = self._engine.schema.subscription_type
        node = operation.node.selection_set.selections[0]
        if root is None or not isinstance(node, FieldNode) or node.name.value not in root.fields:
            raise BadRequest(GraphQLError("a subscription has one field", extensions={"code": "BAD_REQUEST"}))
        name = node.name.value
        definitions = operation.node.variable_definitions or ()
        variables = get_variable_values(self._engine.schema, definitions, dict(operation.variables))
        if isinstance(variables, list):
            raise BadRequest(*variables)
        try:
            given = get_argument_values(root.fields[name], node, variables)
        except GraphQLError as fault:
            raise BadRequest(fault) from fault
        return self._sources[name], {_snake(argument): value for argument, value in given.items()}


async def _wait_for_database(fault: BaseException) -> None:
    log.warning("line_lost", reason=type(fault).__name__)
    await asyncio.sleep(AGAIN_AFTER_S)


def _asked(operation: Operation) -> Hashable:
    """The question itself, without the place from which its subscriber goes on."""
    own = _variable_of_after(operation)
    variables = {name: value for name, value in operation.variables.items() if name != own}
    return operation.text, operation.name, orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)


def _variable_of_after(operation: Operation) -> str | None:
    for argument in getattr(operation.node.selection_set.selections[0], "arguments", None) or ():
        value: ValueNode = argument.value
        if argument.name.value == "after" and isinstance(value, VariableNode):
            return value.name.value
    return None


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)
