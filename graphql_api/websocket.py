"""GraphQL over WebSocket by the protocol `graphql-transport-ws`, for subscriptions, queries and mutations.

The older protocol `graphql-ws` is not spoken. A connection says who it is within INIT_WITHIN_S, and ends when its
token does; what was open can be resumed with `after` on the next connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from commands._bus import Unavailable
from domain._kernel import DomainError
from graphql_api.access import Viewer
from graphql_api.cohorts import Subscriptions, next_message
from graphql_api.engine import BadRequest, Engine, Operation, masked, told
from graphql_api.viewer import RequestContext, Services, Unauthenticated
from infra.framing import FRAMES, FRAMING, framed

PROTOCOL = "graphql-transport-ws"
INIT_WITHIN_S = 5.0
MOST_OPEN = 20
LARGEST_MESSAGE = 64 * 1024
# How the server speaks WebSocket. A message is given up as soon as it is longer than one of four bytes a character.
WEBSOCKETS: dict[str, Any] = {**FRAMING, "ws_max_size": 4 * LARGEST_MESSAGE}

TRY_AGAIN = 1013
BAD_MESSAGE, UNAUTHORIZED, FORBIDDEN, WRONG_PROTOCOL = 4400, 4401, 4403, 4406
INIT_TIMEOUT, ALREADY_SUBSCRIBED, TOO_MANY_INITS, TOO_MANY_OPEN = 4408, 4409, 4429, 4430

Authenticate = Callable[[str | None], Awaitable[Viewer]]


class Refused(Exception):
    """The protocol was broken, or the token is not good: the connection ends with this code."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


class Socket:
    """One client's connection."""

    def __init__(
        self, socket: WebSocket, engine: Engine, subscriptions: Subscriptions, services: Services, who: Authenticate
    ) -> None:
        self._socket, self._engine, self._subscriptions = socket, engine, subscriptions
        self._services, self._who = services, who
        self._open: dict[str, asyncio.Task[None]] = {}
        self._viewer: Viewer | None = None

    async def serve(self) -> None:
        if PROTOCOL not in self._socket.scope.get("subprotocols", []):
            await self._socket.close(WRONG_PROTOCOL, f"Subprotocol not acceptable: speak {PROTOCOL}")
            return
        await self._socket.accept(subprotocol=PROTOCOL)
        try:
            await self._greet()
            await self._talk()
        except Refused as refusal:
            await self._close(refusal.code, refusal.reason)
        except WebSocketDisconnect:
            pass
        finally:
            for task in self._open.values():
                task.cancel()
            await asyncio.gather(*self._open.values(), return_exceptions=True)

    async def _greet(self) -> None:
        try:
            async with asyncio.timeout(INIT_WITHIN_S):
                message = await self._receive()
        except TimeoutError as late:
            raise Refused(INIT_TIMEOUT, "Connection initialisation timeout") from late
        if message.get("type") != "connection_init":
            raise Refused(UNAUTHORIZED, "Unauthorized")
        payload = message.get("payload")
        token = payload.get("Authorization") if isinstance(payload, dict) else None
        header = token if isinstance(token, str) else self._socket.headers.get("authorization")
        try:
            self._viewer = await self._who(header)
        except Unauthenticated as refusal:
            raise Refused(FORBIDDEN, refusal.code) from refusal
        except Unavailable as fault:
            raise Refused(TRY_AGAIN, "UNAVAILABLE") from fault
        await self._send({"type": "connection_ack"})

    async def _talk(self) -> None:
        assert self._viewer is not None
        left = (self._viewer.expires_at - datetime.now(UTC)).total_seconds()
        try:
            async with asyncio.timeout(left):
                while True:
                    await self._answer(await self._receive())
        except TimeoutError as over:
            raise Refused(FORBIDDEN, "TOKEN_EXPIRED") from over

    async def _answer(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                self._subscribe(message)
            case "complete":
                task = self._open.pop(str(message.get("id")), None)
                if task is not None:
                    task.cancel()
            case "connection_init":
                raise Refused(TOO_MANY_INITS, "Too many initialisation requests")
            case _:
                raise Refused(BAD_MESSAGE, "Unknown message type")

    def _subscribe(self, message: dict[str, Any]) -> None:
        id_ = message.get("id")
        if not isinstance(id_, str) or not id_:
            raise Refused(BAD_MESSAGE, "A subscribe message has a text id")
        if id_ in self._open:
            raise Refused(ALREADY_SUBSCRIBED, f"Subscriber for {id_} already exists")
        if len(self._open) >= MOST_OPEN:
            raise Refused(TOO_MANY_OPEN, f"More than {MOST_OPEN} operations on one connection")
        self._open[id_] = asyncio.create_task(self._run(id_, message.get("payload")))

    async def _run(self, id_: str, payload: object) -> None:
        try:
            await self._answers(id_, self._engine.prepare(payload))
            await self._send({"id": id_, "type": "complete"})
        except BadRequest as fault:
            await self._send({"id": id_, "type": "error", "payload": [told(error) for error in fault.errors]})
        except DomainError as refusal:
            error = {"message": str(refusal), "extensions": {"code": refusal.code, "field": refusal.field}}
            await self._send({"id": id_, "type": "error", "payload": [error]})
        except (WebSocketDisconnect, WebSocketDisconnected):
            pass  # The client went away while something was being sent to it.
        except Exception as fault:
            await self._send({"id": id_, "type": "error", "payload": [told(masked(fault))]})
        finally:
            if self._open.get(id_) is asyncio.current_task():
                del self._open[id_]

    async def _answers(self, id_: str, operation: Operation) -> None:
        assert self._viewer is not None
        if not operation.is_subscription:
            context = RequestContext(self._viewer, self._services, uuid4(), datetime.now(UTC))
            answer = next_message(id_, orjson.dumps(await self._engine.execute(operation, context)))
            await self._socket.send_text(answer.decode())
            return
        frames = FRAMES in self._socket.scope.get("extensions", {})
        async for frame in await self._subscriptions.open(operation, self._viewer):
            if frames:
                await self._socket.send({"type": "websocket.send", "frame": frame.message(id_, framed)})
            else:
                await self._socket.send_text(next_message(id_, frame.payload).decode())

    async def _receive(self) -> dict[str, Any]:
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        try:
            message = orjson.loads(text) if text is not None and len(text) <= LARGEST_MESSAGE else None
        except orjson.JSONDecodeError as fault:
            raise Refused(BAD_MESSAGE, "Messages are JSON") from fault
        if not isinstance(message, dict):
            raise Refused(BAD_MESSAGE, f"Messages are JSON objects of at most {LARGEST_MESSAGE} characters")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(orjson.dumps(message).decode())

    async def _close(self, code: int, reason: str) -> None:
        with suppress(RuntimeError):  # It was closed from the other side meanwhile.
            await self._socket.close(code, reason)
