"""The files of sealed reports over HTTP, and the pages made of them: GET /reports/RUN/NAME, files also in ranges.

Rules: a file is reached through the manifest of a sealed run, and its bytes are verified by their digest before the
first of them is sent. Reports of figures are open to everybody who works in the network; a report about a case to those
who have to do with the case, as its stream's own content is (graphql_api/access.py), and so never to an auditor, who
sees that it was sealed and its digest.
"""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from commands._bus import Unavailable
from domain._kernel import DomainError
from domain._reference import ReportContent
from domain._values import local_day
from graphql_api.access import Viewer, admit_to_figures, scope_of_cases
from graphql_api.sources import parties_of
from graphql_api.viewer import Services, Unauthenticated
from graphql_api.websocket import Authenticate
from infra.audit.report_files import CHECKPOINT, NotSealed, SealedRun, sealed_run
from infra.audit.report_pages import PAGES, media_type_of_page, page
from infra.audit.sealing import media_type
from infra.blobs import BlobDamaged, BlobFolder
from projections._view import Connection


class ReportFileUnknown(DomainError, code="REPORT_FILE_UNKNOWN"):
    """There is no sealed run of this id that you may read, or it has no file of this name."""


class ReportFileDamaged(DomainError, code="REPORT_FILE_DAMAGED"):
    """The stored bytes are not those that were sealed: tell an operator. Nothing is handed out."""


class ReportFiles:
    def __init__(self, services: Services, who: Authenticate) -> None:
        self._services, self._who = services, who
        # Setting a page takes a core for seconds: one after the other, so that the others' requests go on.
        self._one_page = asyncio.Semaphore(1)

    async def answer(self, request: Request) -> Response:
        try:
            viewer = await self._who(request.headers.get("authorization"))
            return await self._file(request.path_params["run_id"], request.path_params["name"], viewer)
        except Unauthenticated as refusal:
            return _told(401, refusal.code, str(refusal))
        except Unavailable:
            return _told(503, "UNAVAILABLE", "ask again in a moment")
        except ReportFileDamaged as refusal:
            return _told(500, refusal.code, str(refusal))
        except ReportFileUnknown as refusal:
            return _told(404, refusal.code, str(refusal))
        except DomainError as refusal:
            return _told(403, refusal.code, str(refusal))

    async def _file(self, run_id: UUID, name: str, viewer: Viewer) -> Response:
        blobs = self._services.blobs
        if blobs is None:
            raise ReportFileUnknown()
        async with self._services.reader.acquire() as db:
            run = await _run(db, blobs, run_id)
            await self._admit(db, run, viewer)
        if name == CHECKPOINT:
            return Response(run.seal.checkpoint, media_type="text/plain", headers=_headers(name))
        if name in PAGES:
            async with self._one_page:
                return await _page(blobs, run, name)
        digest = run.digests().get(name)
        if digest is None:
            raise ReportFileUnknown()
        try:
            file = await asyncio.to_thread(blobs.verified, digest)
        except (KeyError, BlobDamaged) as fault:
            raise ReportFileDamaged() from fault
        return FileResponse(file, media_type=media_type(name), headers={**_headers(name), "etag": f'"{digest}"'})

    async def _admit(self, db: Connection, run: SealedRun, viewer: Viewer) -> None:
        """Raises AccessDenied, or ReportFileUnknown for a case with which the viewer has nothing to do."""
        row = run.row
        rule = self._services.reference.report(row.definition, local_day(row.requested_at))
        if rule is not None and rule.content is ReportContent.FIGURES:
            admit_to_figures(viewer)
            return
        scope = scope_of_cases(viewer)
        subject = next((one["value"] for one in row.parameters if rule and one["name"] == rule.subject), None)
        if subject is None:
            raise ReportFileUnknown()
        parties = (await parties_of(db, [UUID(subject)])).get(UUID(subject), frozenset())
        if not scope.admits(parties, about=UUID(subject)):
            raise ReportFileUnknown()


async def _run(db: Connection, blobs: BlobFolder, run_id: UUID) -> SealedRun:
    try:
        return await sealed_run(db, blobs, run_id)
    except NotSealed as fault:
        raise ReportFileUnknown() from fault
    except (KeyError, BlobDamaged) as fault:
        raise ReportFileDamaged() from fault


async def _page(blobs: BlobFolder, run: SealedRun, name: str) -> Response:
    try:
        made = await asyncio.to_thread(page, blobs, run, name)
    except (KeyError, BlobDamaged) as fault:
        raise ReportFileDamaged() from fault
    return Response(made, media_type=media_type_of_page(name), headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {
        "cache-control": "private, no-store",
        "content-disposition": f'attachment; filename="{PurePosixPath(name).name}"',
        "x-content-type-options": "nosniff",
    }


def _told(status: int, code: str, message: str) -> Response:
    content = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return Response(orjson.dumps(content), status, media_type="application/json")
