"""The process `playback`: recordings over HTTP."""

from __future__ import annotations

import asyncio

from commands._bus import Bus
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.objects import Objects
from infra.postgres import Line
from infra.recording_tickets import recording_tickets
from infra.reference import load as load_reference
from infra.sealing.blobs import SealedBlobs
from infra.sealing.data_keys import DataKeys
from infra.sealing.master_keys import master_keys
from infra.serving import bound_socket, serving
from infra.settings import Settings
from media.recording.archive import Archive
from media.recording.export_door import ExportDoor
from media.recording.playback import Playback
from media.recording.viewing import Viewing


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    if settings.database_url is None:
        raise RuntimeError("the playback needs DATABASE_URL")
    store = PostgresEventStore(settings.database_url)
    line, export_line = Line(settings.database_url), Line(settings.database_url)
    objects = Objects.open(settings)
    keys = DataKeys(objects, master_keys(settings))
    archive = Archive(objects, keys)
    playback = Playback(
        await asyncio.to_thread(recording_tickets, settings),
        archive,
        Viewing(Bus(store), load_reference(), line, archive),
    )
    exports = ExportDoor(playback, archive, SealedBlobs(objects, keys), export_line)
    origins = list(settings.allowed_origins or (() if settings.production else ("*",)))
    try:
        sock = bound_socket(settings.playback_port, settings.listen_address)
        async with serving(playback.app(origins, exports.routes()), sock) as url:
            vitals.details.update(url=url)
            vitals.started()
            await stop.wait()
    finally:
        await line.close()
        await export_line.close()
        await store.close()
