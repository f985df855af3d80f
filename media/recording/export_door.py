"""The door for taking a recording out of the system, as DICOM.

    POST /recordings/{id}/dicom            makes the package and answers its hash; nothing leaves yet
    (mutation exportRecording)             says in the log who takes these bytes out, and why; the rules may refuse
    GET  /recordings/{id}/dicom/{sha256}   gives the bytes to the person of whom the log says so

Rules: as for the playback; one package is made at a time, since frames may have to be decoded for it.
"""

from __future__ import annotations

import asyncio
import re
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.live_session import RecordingExported
from infra import event_log
from infra.blobs import BlobDamaged
from infra.mapper import Broken, decoded
from infra.postgres import Line
from infra.recording_tickets import Ticket
from infra.sealing.blobs import SealedBlobs
from media.problems import Problem
from media.recording.archive import Archive, Sealed
from media.recording.dicom.clip import NotForDicom
from media.recording.dicom.export import PACKAGE, about, package
from media.recording.dicom.instance import About
from media.recording.playback import KEPT_BY_NOBODY, Playback, safely

HASH = re.compile(r"[0-9a-f]{64}")


class ExportDoor:
    def __init__(self, playback: Playback, archive: Archive, blobs: SealedBlobs, line: Line) -> None:
        self._playback, self._archive, self._blobs, self._line = playback, archive, blobs, line
        self._one_at_a_time, self._reading = asyncio.Lock(), asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/recordings/{recording_id}/dicom", safely(self.make), methods=["POST"]),
            Route("/recordings/{recording_id}/dicom/{sha256}", safely(self.give), methods=["GET"]),
        ]

    async def make(self, request: Request) -> Response:
        ticket, recording = await self._playback.opened(request)
        async with self._one_at_a_time:
            of = await self._of(ticket, recording)
            try:
                content = await asyncio.to_thread(package, self._archive, recording, of)
            except NotForDicom as fault:
                raise Problem(409, "NOT_FOR_DICOM", f"DICOM has no form for this recording: {fault}.") from None
            blob = await asyncio.to_thread(self._blobs.put, content, PACKAGE)
        told = {"sha256": blob.sha256, "mediaType": blob.media_type, "size": blob.size}
        return Response(orjson.dumps(told), 201, KEPT_BY_NOBODY, "application/json")

    async def give(self, request: Request) -> Response:
        ticket, _ = await self._playback.opened(request)
        sha256 = request.path_params["sha256"]
        if not HASH.fullmatch(sha256) or not await self._may_leave(ticket, sha256):
            raise Problem(403, "NOT_EXPORTED", "Say in the log that you take it out: mutation exportRecording.")
        try:
            content = await asyncio.to_thread(self._blobs.get, sha256)
        except (KeyError, BlobDamaged):
            raise Problem(410, "RECORDING_DAMAGED", "The package is gone or was changed. Make it anew.") from None
        named = {"Content-Disposition": f'attachment; filename="{ticket.recording_id}.zip"'}
        return Response(content, 200, {**KEPT_BY_NOBODY, **named}, PACKAGE)

    async def _of(self, ticket: Ticket, recording: Sealed) -> dict[UUID, About]:
        tracks = {UUID(track) for segment in recording.manifest["segments"] for track in segment["tracks"]}
        async with self._reading:
            db = await self._line.get()
            found = {track: await about(db, ticket.session_id, recording, track) for track in sorted(tracks)}
        return {track: whose for track, whose in found.items() if whose is not None}

    async def _may_leave(self, ticket: Ticket, sha256: str) -> bool:
        async with self._reading:
            names = [RecordingExported.name]
            facts = await event_log.after(await self._line.get(), 0, streams=[ticket.session_id], names=names)
        for stored in facts:
            read = decoded(stored)
            if read is None or isinstance(read, Broken) or not isinstance(read.event, RecordingExported):
                continue
            told = read.event
            if (told.recording_id, told.person_id, told.exported.sha256) == (
                ticket.recording_id,
                ticket.person_id,
                sha256,
            ):
                return True
        return False
