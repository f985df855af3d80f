"""Documents in, bytes out: the one executor behind HTTP, WebSocket and server-sent events.

Parsing and validation are remembered by the document's text; without that they are most of a request's cost. What
goes wrong inside is masked with a reference under which the log has the whole story; what is wrong with the request
is told as it is.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from commands._bus import Unavailable
from domain._kernel import DomainError
from graphql_api.limits import MOST_TOKENS, WithinLimits
from graphql_api.plain_values import PlainValues, refuse_nul
from graphql_api.viewer import RequestContext
from infra.postgres import LINE_FAULTS

REMEMBERED_DOCUMENTS = 512
LONGEST_OPERATION_S = 5.0
RETRY_AFTER_S = 1.0
log = structlog.get_logger("graphql")


class BadRequest(Exception):
    """The request never becomes an operation. `errors` are GraphQL errors for the client."""

    def __init__(self, *errors: GraphQLError) -> None:
        self.errors = errors
        super().__init__(errors[0].message if errors else "")


@dataclass(frozen=True)
class Operation:
    """A request whose document is valid: what to execute, and with which variables."""

    text: str
    document: DocumentNode
    node: OperationDefinitionNode
    name: str | None
    variables: Mapping[str, Any]

    @property
    def is_subscription(self) -> bool:
        return self.node.operation is OperationType.SUBSCRIPTION


class Engine:
    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self.schema = schema
        self._rules = [*specified_rules, WithinLimits]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._documents: OrderedDict[str, DocumentNode] = OrderedDict()

    def prepare(self, request: object) -> Operation:
        """Read a GraphQL request: {query, variables, operationName}. Raises BadRequest."""
        if not isinstance(request, dict) or not isinstance(request.get("query"), str):
            raise BadRequest(_error("BAD_REQUEST", "the request is a JSON object with a text `query`"))
        variables, name = request.get("variables") or {}, request.get("operationName")
        if not isinstance(variables, dict) or not isinstance(name, str | None):
            raise BadRequest(_error("BAD_REQUEST", "`variables` is an object, `operationName` a text"))
        try:
            refuse_nul(variables.values())
        except GraphQLError as fault:
            raise BadRequest(fault) from fault
        document = self._document(request["query"])
        node = get_operation_ast(document, name)
        if node is None:
            raise BadRequest(_error("BAD_REQUEST", "the document has no operation of that name, or more than one"))
        return Operation(request["query"], document, node, name, variables)

    async def execute(self, operation: Operation, context: RequestContext, root: Any = None) -> dict[str, Any]:
        """The response as JSON's Python values."""
        try:
            async with asyncio.timeout(LONGEST_OPERATION_S):
                result = execute(
                    self.schema,
                    operation.document,
                    root_value=root,
                    context_value=context,
                    variable_values=dict(operation.variables),
                    operation_name=operation.name,
                )
                if not isinstance(result, ExecutionResult):
                    result = await result
        except TimeoutError:
            slow = _error("TIMEOUT", f"the operation took longer than {LONGEST_OPERATION_S:g} s")
            return {"data": None, "errors": [slow.formatted]}
        response: dict[str, Any] = {"data": result.data}
        if result.errors:
            response["errors"] = [told(error) for error in result.errors]
        return response

    def _document(self, text: str) -> DocumentNode:
        known = self._documents.get(text)
        if known is not None:
            self._documents.move_to_end(text)
            return known
        try:
            document = parse(text, max_tokens=MOST_TOKENS)
        except GraphQLError as fault:
            raise BadRequest(fault) from fault
        except RecursionError as fault:
            raise BadRequest(_error("DEPTH_LIMIT", "the document is nested too deeply")) from fault
        # First what the other rules could not even read.
        errors = validate(self.schema, document, [PlainValues], max_errors=5) or validate(
            self.schema, document, self._rules, max_errors=5, hide_suggestions=True
        )
        if errors:
            raise BadRequest(*errors)
        self._documents[text] = document
        if len(self._documents) > REMEMBERED_DOCUMENTS:
            self._documents.popitem(last=False)
        return document


def _error(code: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


def masked(fault: Exception) -> GraphQLError:
    """A fault outside any operation, in the form of one inside."""
    return GraphQLError("", original_error=fault)


def _where(error: GraphQLError) -> str:
    return ".".join(str(part) for part in error.path or ())


def told(error: GraphQLError) -> dict[str, Any]:
    """What the client is told of an error: the truth about the request, a reference for what is our fault."""
    cause = error.original_error
    formatted: dict[str, Any] = dict(error.formatted)
    if cause is None or isinstance(cause, GraphQLError):
        formatted.setdefault("extensions", {}).setdefault("code", "BAD_REQUEST")
        return formatted
    if isinstance(cause, DomainError):
        formatted["extensions"] = {"code": cause.code, "field": cause.field}
        return formatted
    if isinstance(cause, (Unavailable, *LINE_FAULTS)):
        log.warning("operation_unavailable", reason=type(cause).__name__)
        formatted["message"] = "The system is busy; send the same request again."
        retry_after = cause.retry_after if isinstance(cause, Unavailable) else RETRY_AFTER_S
        formatted["extensions"] = {"code": "UNAVAILABLE", "retryAfter": retry_after}
        return formatted
    reference = str(uuid4())
    log.error("operation_failed", error_reference=reference, operation=_where(error), exc_info=cause)
    formatted["message"] = f"Something went wrong here. Reference: {reference}"
    formatted["extensions"] = {"code": "INTERNAL", "reference": reference}
    return formatted
