"""The API as an ASGI application: made by a factory, wired in infra/bootstrap.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from graphql_api.access import Viewer
from graphql_api.cohorts import Subscriptions
from graphql_api.engine import Engine
from graphql_api.feed import Feed
from graphql_api.http import HttpEndpoint
from graphql_api.schema import build_schema, executable, sources
from graphql_api.viewer import Services, Token, viewer_of
from graphql_api.websocket import Socket

Verify = Callable[[str | None], Awaitable[Token]]


@dataclass
class Api:
    """The application, and what it is made of; the caller runs it, and the feed beside it."""

    app: Starlette
    engine: Engine
    subscriptions: Subscriptions


def build_api(services: Services, feed: Feed, verify: Verify, *, production: bool) -> Api:
    """`verify` takes an Authorization header and answers with the token in it, or raises Unauthenticated."""
    engine = Engine(executable(build_schema()), introspection=not production)
    subscriptions = Subscriptions(engine, feed, services, sources())

    async def who(header: str | None) -> Viewer:
        return viewer_of(await verify(header))

    endpoint = HttpEndpoint(engine, subscriptions, services, who)

    async def socket(websocket: WebSocket) -> None:
        await Socket(websocket, engine, subscriptions, services, who).serve()

    routes = [Route("/graphql", endpoint.answer, methods=["POST"]), WebSocketRoute("/graphql", socket)]
    return Api(Starlette(routes=routes), engine, subscriptions)
