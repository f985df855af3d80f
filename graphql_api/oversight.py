"""What an auditor asks of the log and of reports: the log's envelope, page by page, and which reports there are.

Rules: the log is shown without what is clinical or personal, to those alone who may read all of it; everybody who is
let in may know which reports there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types.field import StrawberryField

from domain._kernel import Role
from domain._reference import ParameterForm, ReportContent
from domain._values import local_day
from graphql_api._derive import Types, resolver
from graphql_api._scalars import Position
from graphql_api.access import scope_of_whole_log
from graphql_api.log_event import LogEvent, log_event
from graphql_api.queries import LARGEST_PAGE, USUAL_PAGE, PageTooLarge
from graphql_api.viewer import RequestContext
from infra import event_log
from infra.audit.definitions import installed


@dataclass(frozen=True)
class ReportDefinitionParameter:
    """What a report is asked about, and how that is written."""

    name: str
    form: ParameterForm
    required: bool
    title_vi: str
    title_en: str


@dataclass(frozen=True)
class ReportDefinition:
    """A report that may be asked for. `content` says whether it is about patients."""

    name: str
    version: int
    title_vi: str
    title_en: str
    content: ReportContent
    asked_by: list[Role]
    parameters: list[ReportDefinitionParameter]


@strawberry.type
class LogSlice:
    """Some events in the order of the log. Ask on with `after: reached`; `end` is where the log ends now."""

    events: list[LogEvent]
    reached: Position
    end: Position


def oversight_fields(types: Types) -> list[StrawberryField]:
    arguments: dict[str, tuple[Any, Any]] = {
        "after": (Position, Position(0)),
        "first": (int, USUAL_PAGE),
        "names": (list[str] | None, None),
        "stream_id": (UUID | None, None),
    }
    log = resolver("log", _log, arguments, LogSlice)
    definitions = resolver("report_definitions", _definitions, {}, types.output(list[ReportDefinition]))
    return [
        strawberry.field(
            resolver=log,
            name="log",
            description="Events by position, without what is clinical or personal: what, when, by whom.",
        ),
        strawberry.field(
            resolver=definitions,
            name="reportDefinitions",
            description="The reports that may be asked for today, with their parameters.",
        ),
    ]


async def _log(
    _: Any,
    info: strawberry.Info,
    after: int = 0,
    first: int = USUAL_PAGE,
    names: list[str] | None = None,
    stream_id: UUID | None = None,
) -> LogSlice:
    request: RequestContext = info.context
    scope = scope_of_whole_log(request.viewer)
    if not 1 <= first <= LARGEST_PAGE:
        raise PageTooLarge(largest=LARGEST_PAGE)
    async with request.db() as db:
        end = await event_log.head(db)
        streams = None if stream_id is None else [stream_id]
        found = await event_log.after(db, after, upto=end, names=names, streams=streams, limit=first)
    reached = found[-1].position if len(found) == first else max(end, after)
    events = [log_event(one, scope.clinical) for one in found]
    return LogSlice(events=events, reached=Position(reached), end=Position(end))


async def _definitions(_: Any, info: strawberry.Info) -> list[ReportDefinition]:
    request: RequestContext = info.context
    found = []
    for name, one in installed().items():
        rule, told = request.services.reference.report(name, local_day(request.now)), one.definition
        if rule is not None:
            titles = {parameter.name: parameter.title for parameter in told.parameters}
            parameters = [
                ReportDefinitionParameter(p.name, p.form, p.required, titles[p.name].vi, titles[p.name].en)
                for p in rule.parameters
            ]
            asked_by = sorted(rule.asked_by)
            found.append(
                ReportDefinition(name, told.version, told.title.vi, told.title.en, rule.content, asked_by, parameters)
            )
    return found
