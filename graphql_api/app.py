"""The API as an ASGI application: made by a factory, wired in infra/bootstrap.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from graphql_api.access import Viewer
from graphql_api.cohorts import Subscriptions
from graphql_api.engine import Engine
from graphql_api.feed import Feed
from graphql_api.http import HttpEndpoint
from graphql_api.report_files import ReportFiles
from graphql_api.schema import build_schema, executable, sources
from graphql_api.viewer import Services, Token, viewer_of
from graphql_api.websocket import FORBIDDEN, Socket

# What a page of another origin may send along.
HEADERS = ["authorization", "content-type", "last-event-id", "range", "x-correlation-id"]

Verify = Callable[[str | None], Awaitable[Token]]


@dataclass
class Api:
    """The application, and what it is made of; the caller runs it, and the feed beside it."""

    app: Starlette
    engine: Engine
    subscriptions: Subscriptions


def build_api(
    services: Services,
    feed: Feed,
    verify: Verify,
    *,
    production: bool,
    origins: Sequence[str] = (),
    pages: Sequence[BaseRoute] = (),
) -> Api:
    """`verify` takes an Authorization header and answers with the token in it, or raises Unauthenticated.

    Pages of `origins` may call from a browser; those of the API's own origin, such as `pages`, always may.
    """
    engine = Engine(executable(build_schema()), introspection=not production)
    subscriptions = Subscriptions(engine, feed, services, sources())

    async def who(header: str | None) -> Viewer:
        return viewer_of(await verify(header))

    endpoint = HttpEndpoint(engine, subscriptions, services, who)

    async def socket(websocket: WebSocket) -> None:
        if not is_welcome(websocket, origins):
            await websocket.close(FORBIDDEN, "ORIGIN_NOT_ALLOWED")
            return
        await Socket(websocket, engine, subscriptions, services, who).serve()

    routes = [
        *pages,
        Route("/graphql", endpoint.answer, methods=["POST"]),
        WebSocketRoute("/graphql", socket),
        Route("/reports/{run_id:uuid}/{name:path}", ReportFiles(services, who).answer, methods=["GET"]),
    ]
    methods = ["GET", "POST"]
    across = Middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=methods, allow_headers=HEADERS)
    return Api(Starlette(routes=routes, middleware=[across]), engine, subscriptions)


def is_welcome(websocket: WebSocket, origins: Sequence[str]) -> bool:
    """Browsers name the page that opens a socket, and ask nobody's leave; other clients name none."""
    origin = websocket.headers.get("origin")
    return origin is None or origin in origins or urlsplit(origin).netloc == websocket.headers.get("host")
