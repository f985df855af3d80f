"""The door to recordings: plays them over HTTP, from any place on, to who has a ticket of the API.

Rules: no entry in the log, no data: the access is a fact before the first byte goes out, once for each ticket; what is
damaged is not given out, and what turns out to be damaged on the way ends the answer short; nothing of it may be kept
by a browser or a proxy on the way. Errors are application/problem+json with a stable code.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

import orjson
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from infra.postgres import LINE_FAULTS
from infra.recording_tickets import RecordingTickets, Ticket, TicketRefused
from infra.sealing.form import SealBroken
from infra.sealing.master_keys import KeyNotUnwrapped
from infra.sealing.ranges import SealedObject
from media.problems import Problem
from media.recording.archive import Archive, NotSealed, RecordingDamaged, Sealed
from media.recording.viewing import Viewing

KEPT_BY_NOBODY = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
log = structlog.get_logger()

Answer = Callable[[Request], Awaitable[Response]]


class Playback:
    def __init__(self, tickets: RecordingTickets, archive: Archive, viewing: Viewing) -> None:
        self._tickets, self._archive, self._viewing = tickets, archive, viewing

    def app(self, origins: Sequence[str] = (), more: Sequence[Route] = ()) -> Starlette:
        """`more` are routes beside these."""
        routes = [
            *more,
            Route("/recordings/{recording_id}", safely(self.contents), methods=["GET"]),
            Route("/recordings/{recording_id}/{number}", safely(self.file), methods=["GET", "HEAD"]),
        ]
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Authorization", "Range"],
            expose_headers=["Content-Range", "Accept-Ranges"],
        )
        return Starlette(routes=routes, middleware=[cors])

    async def contents(self, request: Request) -> Response:
        """What the recording is made of, and what is missing in it."""
        _, recording = await self.opened(request)
        return Response(orjson.dumps(recording.manifest), 200, KEPT_BY_NOBODY, "application/json")

    async def file(self, request: Request) -> Response:
        """A file of it, or a part (RFC 9110, section 14)."""
        _, recording = await self.opened(request)
        number = request.path_params["number"]
        if not number.isdecimal() or len(number) > 9:
            raise Problem(404, "NO_SUCH_RECORDING", "The recording has no such file.")
        try:
            found = await asyncio.to_thread(self._archive.file, recording, int(number))
        except KeyError:
            raise Problem(404, "NO_SUCH_RECORDING", "The recording has no such file.") from None
        headers = {**KEPT_BY_NOBODY, "Accept-Ranges": "bytes"}
        asked = wanted(request.headers.get("range"), found.size)
        if asked is None:
            start, end, status = 0, found.size, 200
        else:
            (start, end), status = asked, 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
        headers["Content-Length"] = str(end - start)
        if request.method == "HEAD":
            return Response(None, status, headers, found.media_type)
        return StreamingResponse(_pieces(found, start, end), status, headers, found.media_type)

    async def opened(self, request: Request) -> tuple[Ticket, Sealed]:
        """Whose ticket it is and what it opens, once the log knows of it."""
        ticket = self._tickets.verify(_ticket_of(request))
        if request.path_params["recording_id"] != str(ticket.recording_id):
            raise Problem(403, "TICKET_FOR_ANOTHER", "This ticket is for another recording.")
        sealed = await self._viewing.seen(ticket)
        return ticket, await asyncio.to_thread(self._archive.recording, sealed)


def wanted(header: str | None, size: int) -> tuple[int, int] | None:
    """From and up to which byte; None for everything, also when several ranges or other units are asked for.

    Raises Problem when the range lies outside.
    """
    match = ONE_RANGE.fullmatch(header.strip()) if header and len(header) < 100 else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if first:
        start, end = int(first), min(size, int(last) + 1) if last else size
    else:
        start, end = max(0, size - int(last)), size
    if last and first and int(last) < int(first):
        return None
    if start >= size or start >= end:
        raise Problem(416, "RANGE_OUTSIDE", f"The file has {size} bytes.")
    return start, end


def _ticket_of(request: Request) -> str | None:
    """In the address, since a video element sends no headers; or as bearer token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else request.query_params.get("ticket")


async def _pieces(found: SealedObject, start: int, end: int) -> AsyncIterator[bytes]:
    pieces: Iterator[bytes] = found.read(start, end)
    while True:
        try:
            piece = await asyncio.to_thread(next, pieces, None)
        except (SealBroken, KeyError) as fault:
            # The length was promised, so the client sees that this is not the end.
            log.error("recording_damaged", exc_info=fault)
            raise
        if piece is None:
            return
        yield piece


def safely(answer: Answer) -> Answer:
    async def safe(request: Request) -> Response:
        try:
            return await answer(request)
        except Problem as problem:
            return problem.response()
        except TicketRefused as refusal:
            text = "Ask the API for a ticket: query recordingTicket."
            return Problem(401, refusal.code, text).response()
        except LINE_FAULTS:
            return Problem(503, "UNAVAILABLE", "The log cannot be read now. Come again.", retry_after=2).response()
        except NotSealed:
            return Problem(404, "NO_SUCH_RECORDING", "There is no such recording, or it is not complete.").response()
        except (RecordingDamaged, KeyNotUnwrapped) as fault:
            log.error("recording_damaged", exc_info=fault)
            text = "What is stored is not what the log says, or its key is gone. Tell an operator."
            return Problem(410, "RECORDING_DAMAGED", text).response()

    return safe
