"""Every command is a mutation, derived from the registry: a new command needs no code here."""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Annotated, Any, Union
from uuid import UUID

import strawberry
from pydantic import ValidationError
from strawberry.types.field import StrawberryField

from commands._bus import Accepted, Rejected
from commands._command import Command, Context, camel, every_command
from graphql_api._derive import Types, plain, resolver
from graphql_api._scalars import Position
from graphql_api.live_tickets import LiveSessionTicket, live_session_ticket
from graphql_api.viewer import RequestContext
from infra.audit.receipts import Accepted as Told
from infra.audit.receipts import ReceiptDesk


async def _receipt(root: Any, info: strawberry.Info) -> str | None:
    desk: ReceiptDesk | None = info.context.services.receipts
    if desk is None:
        return None
    return await desk.receipt(Told(root.command_id, root.aggregate_id, root.version, root.position))


async def _ticket(root: Any, info: strawberry.Info) -> LiveSessionTicket | None:
    return await live_session_ticket(info.context.services, root.command, root.context)


@strawberry.type
class CommandAccepted:
    """The command took effect. Query with `minPosition: position` to read your own write."""

    aggregate_id: UUID
    version: int
    position: Position
    command_id: strawberry.Private[UUID]
    command: strawberry.Private[Command]
    context: strawberry.Private[Context]

    receipt: str | None = strawberry.field(
        resolver=_receipt,
        description="A signed promise that the command's events will be in the log: keep it, and redeem it with"
        " `inclusionProof`. Made when it is asked for.",
    )
    ticket: LiveSessionTicket | None = strawberry.field(
        resolver=_ticket,
        description="Of `joinLiveSession`: the way into the room. Made when it is asked for, null for other commands.",
    )


@strawberry.type
class Detail:
    """A value that the sentence of a refusal names."""

    name: str
    value: str


@strawberry.type
class CommandRejected:
    """The rules refused the command. `code` is stable; `field` names the part of the input to mend."""

    code: str
    message: str
    field: str | None
    details: list[Detail]


CommandResult = Annotated[
    Union[CommandAccepted, CommandRejected],  # noqa: UP007 - strawberry names unions made in this way
    strawberry.union("CommandResult", description="What became of a command: data in both cases, never an error."),
]

# What every mutation takes besides its input.
ARGUMENTS: dict[str, tuple[Any, Any]] = {
    "command_id": (UUID, inspect.Parameter.empty),
    "expected_version": (int | None, None),
    "clinical_time": (datetime | None, None),
    "on_behalf_of": (UUID | None, None),
}


def mutation_fields(types: Types) -> list[StrawberryField]:
    return [_mutation(types, command) for _, command in sorted(every_command().items())]


def _mutation(types: Types, command: type[Command]) -> StrawberryField:
    async def answer(_: Any, info: strawberry.Info, input: Any, command_id: UUID, **rest: Any) -> Any:
        return await _handle(info.context, command, plain(input), command_id, **rest)

    name = camel(command.__name__)
    arguments = {"input": (types.input(command), inspect.Parameter.empty), **ARGUMENTS}
    made = resolver(command.__name__, answer, arguments, CommandResult)
    description = inspect.cleandoc(command.__doc__ or "")
    found: StrawberryField = strawberry.mutation(resolver=made, name=name, description=description)
    return found


async def _handle(
    request: RequestContext,
    kind: type[Command],
    given: dict[str, Any],
    command_id: UUID,
    expected_version: int | None = None,
    clinical_time: datetime | None = None,
    on_behalf_of: UUID | None = None,
) -> CommandAccepted | CommandRejected:
    try:
        command = kind.model_validate(given)
    except ValidationError as fault:
        return _invalid(fault)
    context = Context(
        actor=request.viewer.actor,
        now=request.now,
        correlation_id=request.correlation_id,
        on_behalf_of=on_behalf_of,
        clinical_time=clinical_time,
        reference=request.services.reference,
    )
    answer = await request.services.bus.handle(command, context, command_id, expected_version)
    if not isinstance(answer, Accepted):
        return _rejected(answer)
    return CommandAccepted(
        aggregate_id=answer.aggregate_id,
        version=answer.version,
        position=Position(answer.position),
        command_id=command_id,
        command=command,
        context=context,
    )


def _rejected(answer: Rejected) -> CommandRejected:
    details = [Detail(name=name, value=value) for name, value in answer.details.items()]
    field = ".".join(camel(part) for part in answer.field.split(".")) if answer.field else None
    return CommandRejected(code=answer.code, message=answer.message, field=field, details=details)


def _invalid(fault: ValidationError) -> CommandRejected:
    """The first thing that is wrong with the input, by its path; the others are in the details."""
    found = [
        (".".join(camel(part) if isinstance(part, str) else str(part) for part in error["loc"]), error["msg"])
        for error in fault.errors(include_url=False, include_input=False)
    ]
    field, message = found[0]
    return CommandRejected(
        code="INVALID_INPUT",
        message=f"{field}: {message}" if field else message,
        field=field or None,
        details=[Detail(name=name, value=text) for name, text in found],
    )
