"""GraphQL over HTTP: one POST, answered once as JSON, or for a subscription as a stream of server-sent events.

The stream follows the "distinct connections" mode of GraphQL over SSE. Each event carries its position as id, and
`Last-Event-ID` stands for `after`, so that a client of server-sent events resumes by what it knows anyway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from commands._bus import Unavailable
from domain._kernel import DomainError
from graphql_api.access import Viewer
from graphql_api.cohorts import Subscriptions
from graphql_api.engine import BadRequest, Engine, Operation, masked, told
from graphql_api.viewer import RequestContext, Services, Unauthenticated
from graphql_api.websocket import Authenticate

LARGEST_BODY = 64 * 1024
BODY_WITHIN_S = 15.0
HEARTBEAT_S = 12.0
POSITION = re.compile(r"[0-9]{1,16}")


class HttpEndpoint:
    def __init__(self, engine: Engine, subscriptions: Subscriptions, services: Services, who: Authenticate) -> None:
        self._engine, self._subscriptions, self._services, self._who = engine, subscriptions, services, who

    async def answer(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except Exception as fault:
            # Whatever happens outside an operation is told in the same form as what happens inside one.
            return _json({"errors": [told(masked(fault))]}, 500)

    async def _answer(self, request: Request) -> Response:
        try:
            viewer = await self._who(request.headers.get("authorization"))
        except Unauthenticated as refusal:
            return _refusal(401, refusal.code, str(refusal))
        except Unavailable as fault:
            return _json({"errors": [told(masked(fault))]}, 503)
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                body = await _body(request)
            operation = self._engine.prepare(body)
            if operation.is_subscription:
                return await self._stream(request, operation, viewer)
        except TooLarge:
            return _refusal(413, "BODY_TOO_LARGE", f"a request has at most {LARGEST_BODY} bytes")
        except TimeoutError:
            return _refusal(408, "BODY_TOO_SLOW", f"a request arrives within {BODY_WITHIN_S:g} s")
        except ClientDisconnect:
            return Response(status_code=499)
        except BadRequest as fault:
            return _json({"errors": [told(error) for error in fault.errors]}, 400)
        except DomainError as refusal:
            return _refusal(403, refusal.code, str(refusal))
        context = RequestContext(viewer, self._services, _correlation(request), datetime.now(UTC))
        return _json(await self._engine.execute(operation, context))

    async def _stream(self, request: Request, operation: Operation, viewer: Viewer) -> Response:
        if "text/event-stream" not in request.headers.get("accept", ""):
            return _refusal(406, "NOT_ACCEPTABLE", "a subscription needs Accept: text/event-stream, or a WebSocket")
        resumed = request.headers.get("last-event-id", "")
        after = int(resumed) if POSITION.fullmatch(resumed) else None
        payloads = await self._subscriptions.open(operation, viewer, after)
        body = _events(payloads, viewer)
        return StreamingResponse(body, media_type="text/event-stream", headers={"cache-control": "no-store"})


async def _events(frames: AsyncIterator[Any], viewer: Viewer) -> AsyncIterator[bytes]:
    """Until the client goes, or its token ends."""
    pending: asyncio.Future[Any] | None = None
    try:
        while (left := (viewer.expires_at - datetime.now(UTC)).total_seconds()) > 0:
            pending = pending or asyncio.ensure_future(anext(frames))
            done, _ = await asyncio.wait([pending], timeout=min(left, HEARTBEAT_S))
            if not done:
                if left > HEARTBEAT_S:  # Else it is the token that ends, which is told below.
                    yield b":\n\n"
                continue
            frame, pending = pending.result(), None
            yield b"event: next\nid: %d\ndata: %b\n\n" % (frame.position, frame.payload)
        yield b"event: complete\ndata:\n\n"
    finally:
        if pending is not None:
            pending.cancel()


class TooLarge(Exception):
    """The body is larger than a request may be."""


async def _body(request: Request) -> object:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadRequest(GraphQLError("send application/json", extensions={"code": "BAD_REQUEST"}))
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > LARGEST_BODY:
            raise TooLarge()
    try:
        return orjson.loads(received)
    except orjson.JSONDecodeError as fault:
        raise BadRequest(GraphQLError("the body is not JSON", extensions={"code": "BAD_REQUEST"})) from fault


def _correlation(request: Request) -> UUID:
    """The caller's own id for everything that one action of a person leads to, or a new one."""
    try:
        return UUID(request.headers.get("x-correlation-id", ""))
    except ValueError:
        return uuid4()


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _refusal(status: int, code: str, message: str) -> Response:
    return _json({"errors": [{"message": message, "extensions": {"code": code}}]}, status)
