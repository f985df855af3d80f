"""Where recordings stay: a sealed object for each segment, and a manifest that names them all, by hash.

Rules: a segment is sent in parts while it grows, and appears by one step when it is whole; whatever fails is tried
again from the spool, which is kept until everything is there. The manifest is written last: what it names exists. Its
SHA-256 is the hash of the recording, and stands in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import structlog

from infra.objects import PART_BYTES, Objects, Upload

TRY_AGAIN_S = 2.0
LOOK_S = 0.5
log = structlog.get_logger()


def segment_name(recording_id: UUID, number: int) -> str:
    return f"recordings/{recording_id}/{number}.seal"


def manifest_name(recording_id: UUID) -> str:
    return f"recordings/{recording_id}/manifest.json"


class Vault:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def take(self, name: str, path: Path, whole: Callable[[], int | None], synced: Callable[[], int]) -> None:
        """Send a growing file; ends when the object stands. `whole` tells the size once the file grows no more."""
        while True:
            try:
                if not await asyncio.to_thread(self._stands, name, whole()):
                    await self._send(name, path, whole, synced)
                return
            except Exception as fault:
                log.warning("upload_failed", exc_info=fault)
                await asyncio.sleep(TRY_AGAIN_S)

    async def put_manifest(self, recording_id: UUID, manifest: bytes) -> str:
        """Answers the hash of the recording."""
        while True:
            try:
                await asyncio.to_thread(self._objects.replace, manifest_name(recording_id), manifest)
                return hashlib.sha256(manifest).hexdigest()
            except Exception as fault:
                log.warning("upload_failed", exc_info=fault)
                await asyncio.sleep(TRY_AGAIN_S)

    async def _send(self, name: str, path: Path, whole: Callable[[], int | None], synced: Callable[[], int]) -> None:
        await asyncio.to_thread(self._objects.drop_started, name)
        upload: Upload | None = None
        sent = 0
        while (size := whole()) is None or sent < size:
            ready = synced() if size is None else size
            if ready - sent >= PART_BYTES or (size is not None and ready > sent):
                if upload is None:
                    upload = await asyncio.to_thread(self._objects.upload, name)
                sent += await asyncio.to_thread(_part, upload, path, sent)
            else:
                await asyncio.sleep(LOOK_S)
        if upload is not None:
            await asyncio.to_thread(upload.finish)

    def _stands(self, name: str, size: int | None) -> bool:
        """A recorder that was killed after the object appeared does not send it again."""
        try:
            return size is not None and self._objects.size(name) == size
        except KeyError:
            return False


def _part(upload: Upload, path: Path, start: int) -> int:
    with path.open("rb") as file:
        file.seek(start)
        content = file.read(PART_BYTES)
    upload.write(content)
    return len(content)
