"""The API on a real PostgreSQL, served on a real port, with people whose tokens are written out.

Tokens are JSON here and verified by nobody: tests/infra/test_identity.py and the journeys use real ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect

from commands._bus import Bus
from graphql_api.access import Viewer
from graphql_api.app import build_api
from graphql_api.cohorts import Subscriptions
from graphql_api.engine import Engine
from graphql_api.feed import Feed
from graphql_api.readers import readers
from graphql_api.viewer import Services, Unauthenticated, viewer_of
from graphql_api.websocket import WEBSOCKETS
from infra.event_log import after, head
from infra.event_store import PostgresEventStore
from infra.live_tickets import Places, TicketDesk
from infra.media_tokens import GrantDesk, fresh_key
from infra.recording_tickets import RecordingTickets
from infra.reference import load
from infra.serving import bound_socket, serving
from infra.settings import Settings

MEDIA = "https://media.example.vn"
RELAYS = ("stun:relay.example.vn:3478", "turns:relay.example.vn:443?transport=tcp")
GRANTS = GrantDesk([fresh_key()])
RECORDINGS = RecordingTickets([fresh_key()], "https://recordings.example.vn")


@dataclass(frozen=True)
class Person:
    subject: UUID
    roles: frozenset[str]
    facility_id: UUID | None = None
    patient_id: UUID | None = None
    expires_at: datetime = field(default_factory=lambda: datetime.max.replace(tzinfo=UTC))

    @property
    def token(self) -> str:
        return "Bearer " + json.dumps(
            {
                "subject": str(self.subject),
                "roles": sorted(self.roles),
                "facility_id": self.facility_id and str(self.facility_id),
                "patient_id": self.patient_id and str(self.patient_id),
                "expires_at": self.expires_at.isoformat(),
            }
        )


def somebody(*roles: str, at: UUID | None = None, patient: UUID | None = None, for_s: float = 3600) -> Person:
    return Person(uuid4(), frozenset(roles), at, patient, datetime.now(UTC) + timedelta(seconds=for_s))


async def read_token(header: str | None) -> Person:
    if header is None:
        raise Unauthenticated("TOKEN_MISSING", "no token")
    try:
        told = json.loads(header.removeprefix("Bearer "))
    except ValueError as fault:
        raise Unauthenticated("TOKEN_INVALID", "not a token") from fault
    expires_at = datetime.fromisoformat(told["expires_at"])
    if expires_at <= datetime.now(UTC):
        raise Unauthenticated("TOKEN_EXPIRED", "expired")
    ids = {name: UUID(told[name]) if told[name] else None for name in ("facility_id", "patient_id")}
    return Person(UUID(told["subject"]), frozenset(told["roles"]), expires_at=expires_at, **ids)


class Client:
    """Somebody's HTTP client."""

    def __init__(self, url: str, person: Person) -> None:
        self.url, self.person = f"{url}/graphql", person
        self._http = httpx.AsyncClient(headers={"authorization": person.token}, timeout=30)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        response = await self._http.post(self.url, json={"query": query, "variables": variables})
        found: dict[str, Any] = response.json()
        return found

    async def post(self, content: bytes, **headers: str) -> httpx.Response:
        return await self._http.post(self.url, content=content, headers={"content-type": "application/json", **headers})

    async def command(self, name: str, given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Send a mutation and answer with its CommandResult."""
        variables = {"input": given, "commandId": str(uuid4()), **more}
        kind = name[0].upper() + name[1:] + "Input"
        types = {"input": f"{kind}!", "commandId": "UUID!", "expectedVersion": "Int", "clinicalTime": "DateTime"}
        heads = ", ".join(f"${key}: {types[key]}" for key in variables)
        arguments = ", ".join(f"{key}: ${key}" for key in variables)
        answer = await self.ask(
            f"mutation({heads}) {{ answer: {name}({arguments}) {{ __typename"
            " ... on CommandAccepted { aggregateId version position }"
            " ... on CommandRejected { code message field details { name value } } } }",
            **variables,
        )
        found: dict[str, Any] = answer["data"]["answer"]
        return found

    async def close(self) -> None:
        await self._http.aclose()


class Subscription:
    """One subscription on a connection of its own."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def next(self, within_s: float = 60.0) -> dict[str, Any]:
        async with asyncio.timeout(within_s):
            message = json.loads(await self._socket.recv())
        assert message["type"] == "next", message
        found: dict[str, Any] = message["payload"]["data"]
        return found


@dataclass
class Service:
    """A running API, from outside by its address, from inside by its parts."""

    url: str
    feed: Feed
    engine: Engine
    subscriptions: Subscriptions
    services: Services

    def viewer(self, person: Person) -> Viewer:
        return viewer_of(person)

    async def settled(self) -> None:
        """Everything that is in the log has been released to subscribers."""
        async with self.services.reader.acquire() as db:
            assert await self.feed.reached(await head(db), within_s=60)

    async def release_again(self, since: int, upto: int) -> None:
        """Give subscribers a batch that the feed would not give them in this way."""
        async with self.services.reader.acquire() as db:
            await self.subscriptions.released(db, await after(db, since, upto=upto))

    @asynccontextmanager
    async def client(self, person: Person) -> AsyncIterator[Client]:
        client = Client(self.url, person)
        try:
            yield client
        finally:
            await client.close()

    @asynccontextmanager
    async def socket(self, person: Person | None, greet: bool = True) -> AsyncIterator[ClientConnection]:
        headers = {"authorization": person.token} if person is not None else {}
        url = self.url.replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=["graphql-transport-ws"], additional_headers=headers) as socket:  # type: ignore[list-item]
            if greet:
                await socket.send('{"type": "connection_init"}')
                assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            yield socket

    @asynccontextmanager
    async def subscribe(self, person: Person, query: str, **variables: Any) -> AsyncIterator[Subscription]:
        async with self.socket(person) as socket:
            payload = {"query": query, "variables": variables}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            yield Subscription(socket)


@asynccontextmanager
async def serve(dsn: str, *, production: bool = False, origins: Sequence[str] = ()) -> AsyncIterator[Service]:
    """One API process, as far as the network can tell."""
    store, feed = PostgresEventStore(dsn), Feed(dsn)
    async with readers(dsn) as pool:
        places = Places(dsn)
        tickets = TicketDesk(Settings(turn_urls=RELAYS, turn_secret="for tests", media_url=MEDIA), GRANTS, places)
        services = Services(Bus(store), pool, feed, load(), tickets=tickets, recordings=RECORDINGS)
        api = build_api(services, feed, read_token, production=production, origins=origins)
        following = asyncio.create_task(feed.run())
        await feed.ready.wait()
        async with serving(api.app, bound_socket(0), **WEBSOCKETS) as url:
            yield Service(url, feed, api.engine, api.subscriptions, services)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await places.close()
        await store.close()
