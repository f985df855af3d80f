"""The way to a sealed recording: a ticket for whoever may read the case and works with cases.

Rules: who may is decided by the view of recordings, as for every question; patients and their relatives see recordings
with a clinician, because what a picture may show them is not decided by its being recorded; the access itself becomes a
fact when the ticket is used, not when it is asked for.
"""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types.field import StrawberryField

from domain._kernel import DomainError
from domain._live import RecordingStatus
from graphql_api._derive import resolver
from graphql_api.access import WORKS_WITH_CASES, AccessDenied, visible
from graphql_api.viewer import RequestContext
from projections import live_recording


class RecordingNotOpen(DomainError, code="RECORDING_NOT_OPEN", field="recordingId"):
    """There is no such recording that you may see, or it is not complete yet."""


@strawberry.type
class RecordingTicket:
    """Get `url` for what the recording is made of, and `url` with `/0`, `/1` … before the `?` for its files."""

    recording_id: UUID
    url: str
    expires_at: datetime


def recording_ticket_fields() -> list[StrawberryField]:
    wanted = {"recording_id": (UUID, inspect.Parameter.empty)}
    return [
        strawberry.field(
            resolver=resolver("recording_ticket", _recording_ticket, wanted, RecordingTicket),
            name="recordingTicket",
            description="A ticket to see a sealed recording with. Using it is recorded with your name.",
        )
    ]


async def _recording_ticket(_: Any, info: strawberry.Info, recording_id: UUID) -> RecordingTicket:
    request: RequestContext = info.context
    if not request.viewer.is_one_of(WORKS_WITH_CASES) or request.services.recordings is None:
        raise AccessDenied()
    async with request.db() as db:
        row = await live_recording.live_recording(db, visible(request.viewer, live_recording.view), recording_id)
    if row is None or row.status is not RecordingStatus.SEALED:
        raise RecordingNotOpen()
    url, expires_at = request.services.recordings.way(row.live_session_id, recording_id, request.viewer.actor.id)
    return RecordingTicket(recording_id=recording_id, url=url, expires_at=expires_at)
