"""Sealed recordings as the log knows them, opened for whoever was let in.

Rules: a recording is what the log says it is: the manifest has to have the hash of the RecordingSealed, and each file
has to end as the manifest says, else nothing of it is given out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.live_session import RecordingSealed
from infra import event_log
from infra.mapper import Broken, decoded
from infra.objects import Objects
from infra.postgres import Connection
from infra.sealing.data_keys import DataKeys
from infra.sealing.form import SealBroken
from infra.sealing.ranges import SealedObject
from media.recording.vault import manifest_name, segment_name


class NotSealed(Exception):
    """There is no such recording, or it is not complete yet."""


class RecordingDamaged(Exception):
    """What is stored is not what the log says; nothing of it is given out."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A recording and its manifest, whose hash is that of the log."""

    recording_id: UUID
    manifest: dict[str, Any]

    def segment(self, number: int) -> dict[str, Any]:
        """Raises KeyError; also for an empty one."""
        found: dict[str, Any] = next((each for each in self.manifest["segments"] if each["number"] == number), {})
        if not found.get("plain"):
            raise KeyError(number)
        return found


class Archive:
    def __init__(self, objects: Objects, keys: DataKeys) -> None:
        self._objects, self._keys = objects, keys

    async def sealed_as(self, db: Connection, session_id: UUID, recording_id: UUID) -> RecordingSealed:
        """What the log says of a recording. Raises NotSealed."""
        for stored in await event_log.after(db, 0, streams=[session_id], names=[RecordingSealed.name]):
            read = decoded(stored)
            if read is None or isinstance(read, Broken):
                continue
            if isinstance(read.event, RecordingSealed) and read.event.recording_id == recording_id:
                return read.event
        raise NotSealed(str(recording_id))

    def recording(self, sealed: RecordingSealed) -> Sealed:
        """Blocks. Raises RecordingDamaged."""
        try:
            content = self._objects.get(manifest_name(sealed.recording_id))
        except KeyError:
            raise RecordingDamaged("its manifest is gone") from None
        if hashlib.sha256(content).hexdigest() != sealed.recording.sha256:
            raise RecordingDamaged("its manifest was changed")
        return Sealed(sealed.recording_id, json.loads(content))

    def file(self, recording: Sealed, number: int) -> SealedObject:
        """Blocks. Raises KeyError, RecordingDamaged, or KeyNotUnwrapped when the key was destroyed."""
        segment = recording.segment(number)
        key = self._keys.open(UUID(recording.manifest["key"]))
        try:
            name = segment_name(recording.recording_id, number)
            return SealedObject(self._objects, name, key, bytes.fromhex(segment["final"]))
        except (KeyError, SealBroken) as fault:
            raise RecordingDamaged(f"segment {number}: {fault}") from None
