"""A client of the GraphQL API, as anybody outside would write one: over HTTP, and over WebSocket for what is live.

Rules: it knows the API's wire and nothing of the product's inside; a command whose answer was lost is sent again under
the same id, which is safe; a subscription that loses its line comes back with the last position it saw.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")
TRIES = 12
PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
ANSWER_WITHIN_S = 30.0

# After these the same request is sent once more: it is right, and the moment was not.
NOT_NOW = frozenset({"UNAVAILABLE", "TIMEOUT", "VIEWS_BEHIND", "TOO_MUCH_CONTENTION"})

# Closing codes of the protocol after which coming back with the same token is in vain.
FINAL = frozenset({4400, 4401, 4403, 4406, 4409, 4429, 4430})

RESULT = """
    __typename
    ... on CommandAccepted { aggregateId version position }
    ... on CommandRejected { code message field details { name value } }
"""


class Refused(Exception):
    """The API gave errors instead of data: `code` is that of the first one."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors
        self.code = str(errors[0].get("extensions", {}).get("code", "")) if errors else ""
        super().__init__("; ".join(str(error.get("message")) for error in errors))


@dataclass(frozen=True, slots=True)
class Accepted:
    """The command took effect, at this position of the log."""

    aggregate_id: UUID
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The rules refused the command; the code is stable."""

    code: str
    message: str
    field: str | None
    details: Mapping[str, str]


class Client:
    """Somebody with a token. Several share one `http`, and with it its connections."""

    def __init__(self, url: str, token: str, http: httpx.AsyncClient) -> None:
        self.url, self.token = url, token
        self._http = http

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data that answers a query or mutation. Raises Refused, or httpx's own errors."""
        answer: dict[str, Any] = {}
        for failures in range(TRIES):
            answer = await self._post(document, variables)
            if not answer.get("errors"):
                return dict(answer["data"])
            if Refused(answer["errors"]).code not in NOT_NOW:
                break
            await _pause(failures)
        raise Refused(answer["errors"])

    async def command(
        self, name: str, given: Mapping[str, Any], *, command_id: UUID | None = None, clinical_time: str | None = None
    ) -> Accepted | Rejected:
        """Send a command until it has an answer. `given` is its input, with the names of the schema."""
        variables = {"input": given, "commandId": str(command_id or uuid4()), "clinicalTime": clinical_time}
        document = _mutation(name)
        for failures in range(TRIES):
            answer = _answer((await self.ask(document, **variables))["answer"])
            if isinstance(answer, Accepted) or answer.code not in NOT_NOW:
                return answer
            await _pause(failures)
        return answer

    def subscribe(self, document: str, after: int | None = None, **variables: Any) -> Subscription:
        """Follow the one field of a subscription that takes `$after: Position`."""
        return Subscription(self.url, self.token, document, variables, after)

    async def _post(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Sends again when the line fails: a command has its id, so that it takes effect once all the same."""
        body = orjson.dumps({"query": document, "variables": variables})
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        for failures in range(TRIES):
            try:
                response = await self._http.post(self.url, content=body, headers=headers, timeout=ANSWER_WITHIN_S)
                return _read(response)
            except httpx.TransportError:
                if failures == TRIES - 1:
                    raise
                await _pause(failures)
        raise AssertionError("the last try answers or raises")


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a subscription: when it arrived (seconds of the monotonic clock), and what it brought.

    With `resumed`, it is the first one after the line was lost.
    """

    arrived: float
    position: int
    update: dict[str, Any]
    resumed: bool = False


class Subscription:
    """The frames of one subscription over a socket of its own, across lost lines, each position once."""

    def __init__(
        self, url: str, token: str, document: str, variables: Mapping[str, Any], after: int | None = None
    ) -> None:
        self._url, self._token, self._document = url.replace("http", "ws", 1), token, document
        self._variables = variables
        self._line: ClientConnection | None = None
        self._allowed = asyncio.Event()
        self._allowed.set()
        self._ended = False
        self.position = after
        self.connections = 0

    async def frames(self) -> AsyncIterator[Frame]:
        """Until `close`. Raises Refused when the API does not admit the subscription."""
        failures = 0
        while not self._ended:
            await self._allowed.wait()
            resumed = self.connections > 0
            try:
                async for frame in self._connected(resumed):
                    failures = 0
                    yield frame
                return
            except (ConnectionClosed, OSError) as lost:
                if isinstance(lost, ConnectionClosed) and lost.rcvd and lost.rcvd.code in FINAL:
                    raise Refused([{"message": lost.rcvd.reason, "extensions": {"code": lost.rcvd.reason}}]) from lost
                failures += 1
                if not self._ended:
                    await _pause(failures)

    def cut(self) -> None:
        """Lose the line as a power failure would: no farewell, and nobody comes back before `restore`."""
        self._allowed.clear()
        if self._line is not None:
            self._line.transport.abort()

    def restore(self) -> None:
        self._allowed.set()

    async def close(self) -> None:
        self._ended = True
        self._allowed.set()
        if self._line is not None:
            with suppress(ConnectionClosed, OSError):
                await self._line.close()

    async def _connected(self, resumed: bool) -> AsyncIterator[Frame]:
        async with connect(
            self._url, subprotocols=[PROTOCOL], compression=None, max_size=None, ping_interval=None, open_timeout=30
        ) as line:
            self._line = line
            await _say(line, type="connection_init", payload={"Authorization": f"Bearer {self._token}"})
            await line.recv()
            self.connections += 1
            variables = {**self._variables, "after": self.position}
            await _say(line, id="1", type="subscribe", payload={"query": self._document, "variables": variables})
            async for text in line:
                arrived = time.monotonic()
                message = orjson.loads(text)
                match message["type"]:
                    case "next":
                        frame = self._frame(message["payload"], arrived, resumed)
                        resumed = False
                        yield frame
                    case "error":
                        raise Refused(message["payload"])
                    case "complete":
                        return
                    case "ping":
                        await _say(line, type="pong")
            if not self._ended:
                raise ConnectionResetError("the API closed the line")

    def _frame(self, payload: dict[str, Any], arrived: float, resumed: bool) -> Frame:
        if payload.get("errors"):
            raise Refused(payload["errors"])
        (update,) = payload["data"].values()
        self.position = update["position"]
        return Frame(arrived, update["position"], update, resumed)


def _read(response: httpx.Response) -> dict[str, Any]:
    """What is no JSON was not said by the API, but by something on the way or by its end: it is as good as nothing."""
    try:
        answer: dict[str, Any] = orjson.loads(response.content)
    except orjson.JSONDecodeError as fault:
        raise httpx.RemoteProtocolError("the answer is not JSON") from fault
    return answer


async def _pause(failures: int) -> None:
    await asyncio.sleep(min(LONGEST_PAUSE_S, PAUSE_S * 2**failures))


async def _say(line: ClientConnection, **message: Any) -> None:
    await line.send(orjson.dumps(message).decode())


def _mutation(name: str) -> str:
    kind = name[0].upper() + name[1:] + "Input"
    return (
        f"mutation ($input: {kind}!, $commandId: UUID!, $clinicalTime: DateTime) {{"
        f" answer: {name}(input: $input, commandId: $commandId, clinicalTime: $clinicalTime) {{{RESULT}}} }}"
    )


def _answer(told: dict[str, Any]) -> Accepted | Rejected:
    if told["__typename"] == "CommandAccepted":
        return Accepted(UUID(told["aggregateId"]), told["version"], told["position"])
    details = {one["name"]: one["value"] for one in told["details"]}
    return Rejected(told["code"], told["message"], told["field"], details)
