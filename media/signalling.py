"""The HTTP door of a worker: WHIP (RFC 9725) to publish, WHEP (draft-ietf-wish-whep) to watch.

Rules: an offer is let in by a grant, waits for its turn, and is answered whole or refused with a code; a connection is
known by an address that cannot be guessed, and is ended only by the participant whose it is; candidates that trickle in
are taken note of and not needed, since the worker's address is public and checks come to it; an ICE restart is refused
with 422 as RFC 9725, 4.3.1 allows, and the client begins a new session, which takes the old one's place without a gap.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from infra.media_tokens import Grant, GrantDesk, GrantRefused, Source
from infra.turn import IceServer
from media.admission import Admission, Crowded
from media.bodies import body
from media.engine import MOST_PEERS, Engine
from media.negotiation import LONGEST_OFFER, OfferRefused
from media.peer import Peer
from media.placing import Elsewhere, room_for
from media.problems import Problem, problem_of
from media.publisher import Publisher
from media.room import Room, may_publish
from media.session_door import LARGEST_MESSAGE, SessionDoor
from media.tracks import Ended
from media.viewer import Viewer

SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
OF_STILLS = ("Content-Digest", "RTP-Timestamp", "Taken-At")
BODY_SECONDS = 5.0
LARGEST_HEADER = 16 * 1024
# Of uvicorn's two servers this one checks headers and bounds them.
LIMITS: Mapping[str, Any] = {
    "http": "h11",
    "h11_max_incomplete_event_size": LARGEST_HEADER,
    "ws_max_size": LARGEST_MESSAGE,
}
EXPOSED = ("Location", "ETag", "Link", "Retry-After", "Accept-Post", "Accept-Patch")

Answer = Callable[[Request], Awaitable[Response]]


class Signalling:
    """`servers` answers the relays for one participant."""

    def __init__(
        self,
        engine: Engine,
        desk: GrantDesk,
        servers: Callable[[str], Sequence[IceServer]] = lambda _: (),
        admission: Admission | None = None,
    ) -> None:
        self._engine, self._desk, self._servers = engine, desk, servers
        self.admission = admission or Admission()

    def app(self, origins: Sequence[str] = ()) -> Starlette:
        """The routes; with `origins` pages from there may call them, and with "*" all pages."""
        door = SessionDoor(self._engine, self._desk, self.admission)
        routes: list[BaseRoute] = [
            WebSocketRoute("/sessions/{session_id}", door.serve),
            Route("/whip/{session_id}/{source}", self._safely(self.publish), methods=["POST"]),
            Route("/whep/{session_id}/{point_id}/{source}", self._safely(self.watch), methods=["POST"]),
            Route("/connections/{id}", self._safely(self.trickle), methods=["PATCH"]),
            Route("/connections/{id}", self._safely(self.end), methods=["DELETE"]),
            Route("/{path:path}", self._safely(self.describe), methods=["OPTIONS"]),
        ]
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match", *OF_STILLS],
            expose_headers=list(EXPOSED),
        )
        return Starlette(routes=routes, middleware=[cors])

    @staticmethod
    def _safely(answer: Answer) -> Answer:
        async def safe(request: Request) -> Response:
            try:
                return await answer(request)
            except (Problem, GrantRefused, OfferRefused) as fault:
                return problem_of(fault).response()

        return safe

    async def publish(self, request: Request) -> Response:
        grant = self._desk.verify_header(request.headers.get("authorization"))
        source = _source(request)
        self._may_come(request, grant)
        if not may_publish(grant.role, grant.sources, source):
            raise Problem(403, "SOURCE_NOT_GRANTED", "This grant does not allow to publish that source.")
        offer = await _body(request, SDP)
        room = await self._room(request, grant, publishes=True)
        await self._turn()
        publisher = Publisher(self._engine, room, grant, source)
        return await self._answered(publisher, publisher.answer(offer))

    async def watch(self, request: Request) -> Response:
        grant = self._desk.verify_header(request.headers.get("authorization"))
        source = _source(request)
        self._may_come(request, grant)
        point_id = _uuid(request, "point_id")
        offer = await _body(request, SDP)
        room = await self._room(request, grant, publishes=False)
        tracks = await room.soon(lambda: room.tracks_of(point_id, source, grant))
        if not tracks:
            raise Problem(409, "NOTHING_IS_LIVE", "Nobody publishes this source now.", retry_after=2)
        await self._turn()
        viewer = Viewer(self._engine, room, grant)
        return await self._answered(viewer, viewer.answer(offer, tracks))

    async def _room(self, request: Request, grant: Grant, *, publishes: bool) -> Room:
        try:
            return await room_for(self._engine, grant.session_id, publishes=publishes)
        except Elsewhere as where:
            # A browser takes the token off what it carries on to another origin, so a page is told to ask again.
            status = 409 if "origin" in request.headers else 307
            text = "This room is at another worker now. Ask the API for a new ticket, or go there."
            # What the client wrote into its address goes into no header as it was written.
            there = where.url + quote(request.url.path)
            raise Problem(status, "ROOM_IS_ELSEWHERE", text, location=there) from where

    async def _turn(self) -> None:
        if len(self._engine.peers) >= MOST_PEERS:
            raise Problem(503, "WORKER_FULL", "This worker carries all that it can.", retry_after=10)
        try:
            await self.admission.turn()
        except Crowded as crowd:
            self._engine.turned_away += 1
            raise Problem(
                503, "TOO_MANY_JOIN", "Many join at once. Come again.", retry_after=crowd.retry_after
            ) from crowd

    async def _answered(self, peer: Peer, answering: Awaitable[str]) -> Response:
        try:
            answer = await answering
        except BaseException:
            await peer.close(Ended.CLOSED)
            raise
        headers = {
            "Location": f"/connections/{peer.id}",
            "ETag": peer.tag,
            "Accept-Patch": FRAGMENT,
        }
        response = Response(answer, 201, headers, SDP)
        for server in self._servers(str(peer.grant.participant_id)):
            response.headers.append("Link", _link(server))
        return response

    async def trickle(self, request: Request) -> Response:
        peer = self._whose(request)
        fragment = await _body(request, FRAGMENT)
        match = request.headers.get("if-match")
        if match is None:
            raise Problem(428, "ETAG_MISSING", "Say with If-Match which ICE session this belongs to.")
        if match != "*" and peer.tag not in [one.strip() for one in match.split(",")]:
            raise Problem(412, "ICE_SESSION_ENDED", "This is not the ICE session of this connection.")
        if match == "*":
            raise Problem(422, "NO_ICE_RESTART", "Send a new offer: it takes this connection's place without a gap.")
        peer.named(fragment)
        return Response(status_code=204)

    async def end(self, request: Request) -> Response:
        await self._whose(request).close(Ended.LEFT)
        return Response(status_code=200)

    async def describe(self, request: Request) -> Response:
        """OPTIONS of a client that is no page."""
        return Response(status_code=204, headers={"Accept-Post": SDP, "Accept-Patch": FRAGMENT})

    def _whose(self, request: Request) -> Peer:
        grant = self._desk.verify_header(request.headers.get("authorization"), even_expired=True)
        peer = self._engine.peers.get(_uuid(request, "id"))
        if peer is None or peer.grant.participant_id != grant.participant_id:
            raise Problem(404, "NO_SUCH_CONNECTION", "There is no such connection, or no longer.")
        return peer

    def _may_come(self, request: Request, grant: Grant) -> None:
        if _uuid(request, "session_id") != grant.session_id:
            raise Problem(403, "ANOTHER_SESSION", "This grant is for another session.")
        room = self._engine.rooms.get(grant.session_id)
        if room is not None and grant.participant_id in room.orders.removed:
            raise Problem(403, "REMOVED_FROM_THE_ROOM", "The chair sent you out; only the chair lets you back.")


def _uuid(request: Request, name: str) -> UUID:
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise Problem(404, "NO_SUCH_PLACE", "There is nothing at this address.") from None


def _source(request: Request) -> Source:
    try:
        return Source(request.path_params["source"])
    except ValueError:
        raise Problem(404, "NO_SUCH_PLACE", "There is nothing at this address.") from None


async def _body(request: Request, media_type: str) -> str:
    """The text that was sent; bounded in length, in time and in kind."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise Problem(415, "WRONG_MEDIA_TYPE", f"Send {media_type}.")
    too_large = Problem(413, "SDP_TOO_LARGE", f"Send at most {LONGEST_OFFER} bytes.")
    broken_off = Problem(400, "SDP_MALFORMED", "The request broke off.")
    try:
        return (await body(request, LONGEST_OFFER, BODY_SECONDS, too_large, broken_off)).decode()
    except UnicodeDecodeError:
        raise Problem(400, "SDP_MALFORMED", "This is not UTF-8.") from None


def _link(server: IceServer) -> str:
    parts = [f'<{server.url}>; rel="ice-server"']
    if server.username is not None and server.credential is not None:
        parts += [f'username="{server.username}"', f'credential="{server.credential}"', 'credential-type="password"']
    return "; ".join(parts)
