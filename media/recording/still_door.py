"""The door of a worker for stills: `POST /stills/{session}/{track}`.

    without a body     the next key frame of the track, decoded by us: lossy, and of the moment after the request
    with image/png     the picture as the sending browser held it: lossless, and of the moment that it says

Rules: whoever speaks in the room may ask for a still of an ultrasound in it, and only the participant who sends the
picture may hand one in, with the SHA-256 of what was sent (Content-Digest, RFC 9530), in at least the resolution that
goes over the line. What is stored is sealed, and told to the log with the quality of the line at that moment; the gate
of the day then decides whether it is good enough for a diagnosis.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.media_tokens import Grant, GrantDesk, GrantRefused, MediaRole, Source
from infra.sealing.blobs import SealedBlobs
from media.bodies import body
from media.facts import LegNumbers, RoomFact, StillTaken
from media.problems import Problem, problem_of
from media.recording.manifest import at
from media.recording.still import NoStill, Still, next_key_frame, size_of_png
from media.tracks import Track

PNG = "image/png"
LARGEST_PNG = 64 << 20
BODY_SECONDS = 30.0
# A picture of a moment long ago, or to come, is not one of this call.
OLDEST_NS = 120_000_000_000

FindTrack = Callable[[UUID, UUID], Track | None]


class StillDoor:
    """`find` answers the live track of a session; `tell` takes facts to the log."""

    def __init__(self, desk: GrantDesk, find: FindTrack, blobs: SealedBlobs, tell: Callable[[RoomFact], None]) -> None:
        self._desk, self._find, self._blobs, self._tell = desk, find, blobs, tell

    def route(self) -> Route:
        return Route("/stills/{session_id}/{track_id}", self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._still(request)
        except (Problem, GrantRefused) as fault:
            return problem_of(fault).response()
        except NoStill as fault:
            return Problem(409, "NO_STILL", f"No still was taken: {fault}.").response()

    async def _still(self, request: Request) -> Response:
        grant = self._desk.verify_header(request.headers.get("authorization"))
        track = self._track(request, grant)
        measured = _numbers(track)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == PNG:
            still, origin = await self._handed_in(request, grant, track), "sending_browser"
        else:
            still, origin = await next_key_frame(track), "key_frame"
        blob = await asyncio.to_thread(self._blobs.put, still.png, PNG)
        told = StillTaken(
            session_id=grant.session_id,
            at=datetime.now(UTC),
            image_id=uuid4(),
            track_id=track.description.track_id,
            sha256=blob.sha256,
            media_type=PNG,
            size=blob.size,
            rtp_timestamp=still.rtp_timestamp,
            frame_at=at(still.taken_ns),
            origin=origin,
            lossless=origin == "sending_browser",
            measured=measured,
            asked_by=grant.participant_id,
        )
        self._tell(told)
        return Response(orjson.dumps(_shown(told, still)), 201, media_type="application/json")

    def _track(self, request: Request, grant: Grant) -> Track:
        try:
            session_id, track_id = (UUID(request.path_params[name]) for name in ("session_id", "track_id"))
        except ValueError:
            raise Problem(404, "NO_SUCH_PLACE", "There is nothing at this address.") from None
        if session_id != grant.session_id:
            raise Problem(403, "ANOTHER_SESSION", "This grant is for another session.")
        if grant.role is not MediaRole.PUBLISHER:
            raise Problem(403, "STILL_NOT_GRANTED", "Observers take no stills.")
        track = self._find(session_id, track_id)
        if track is None or track.description.source is not Source.ULTRASOUND:
            raise Problem(409, "NOTHING_IS_LIVE", "No ultrasound is sent under this id now.", retry_after=2)
        return track

    async def _handed_in(self, request: Request, grant: Grant, track: Track) -> Still:
        if track.description.participant_id != grant.participant_id:
            raise Problem(403, "STILL_NOT_GRANTED", "Only who sends the picture can hand in what it held.")
        rtp_timestamp, taken_ns = _moment(request)
        digest = _digest(request)
        content = await _png(request)
        if hashlib.sha256(content).digest() != digest:
            raise Problem(400, "STILL_DAMAGED", "The picture is not the one that Content-Digest names. Send it again.")
        try:
            width, height = await asyncio.to_thread(size_of_png, content)
        except NoStill as fault:
            raise Problem(400, "STILL_MALFORMED", f"Send a whole PNG: {fault}.") from None
        measured = track.measured()
        if width < measured.width or height < measured.height:
            text = f"The picture has {width} x {height} pixels; the source sends {measured.width} x {measured.height}."
            raise Problem(400, "STILL_TOO_SMALL", text)
        return Still(content, width, height, rtp_timestamp, taken_ns)


def _numbers(track: Track) -> LegNumbers:
    measured = track.measured()
    return LegNumbers(
        bitrate_kbps=round(measured.kbit_per_second),
        loss_percent=float(round(Decimal(measured.loss_after) * 100, 3)),
        rtt_ms=round(measured.rtt_ms or 0),
        jitter_ms=round(measured.jitter_ms),
        width=measured.width,
        height=measured.height,
        frames_per_second=round(measured.frames_per_second, 2),
    )


def _shown(told: StillTaken, still: Still) -> dict[str, object]:
    return {
        "imageId": told.image_id,
        "sha256": told.sha256,
        "size": told.size,
        "width": still.width,
        "height": still.height,
        "lossless": told.lossless,
        "rtpTimestamp": told.rtp_timestamp,
        "takenAt": told.frame_at.isoformat(),
    }


def _moment(request: Request) -> tuple[int, int]:
    """RTP-Timestamp and Taken-At (ms since 1970): of the frame that the browser held."""
    try:
        rtp_timestamp = int(request.headers["rtp-timestamp"])
        taken_ns = int(request.headers["taken-at"]) * 1_000_000
    except (KeyError, ValueError):
        rtp_timestamp, taken_ns = -1, 0
    if not 0 <= rtp_timestamp < 1 << 32 or abs(time.time_ns() - taken_ns) > OLDEST_NS:
        text = "Say in RTP-Timestamp and Taken-At (ms since 1970) of which frame of the last two minutes it is."
        raise Problem(400, "STILL_WITHOUT_TIME", text)
    return rtp_timestamp, taken_ns


def _digest(request: Request) -> bytes:
    name, _, value = request.headers.get("content-digest", "").partition("=")
    try:
        digest = base64.b64decode(value.strip().strip(":"), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if name.strip() != "sha-256" or len(digest) != 32:
        raise Problem(400, "STILL_WITHOUT_DIGEST", "Send Content-Digest: sha-256=:…: of the picture.")
    return digest


async def _png(request: Request) -> bytes:
    too_large = Problem(413, "STILL_TOO_LARGE", f"Send at most {LARGEST_PNG} bytes.")
    return await body(
        request, LARGEST_PNG, BODY_SECONDS, too_large, Problem(400, "STILL_DAMAGED", "The request broke off.")
    )
