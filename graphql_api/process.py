"""The API process: what it is made of, and how it starts and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from commands._bus import Bus, Unavailable
from graphql_api.app import build_api
from graphql_api.feed import Feed
from graphql_api.readers import readers
from graphql_api.room_page import media_origins, room_page
from graphql_api.viewer import Services, Token, Unauthenticated
from graphql_api.websocket import WEBSOCKETS
from infra.audit.keys import receipt_keys
from infra.audit.receipts import ReceiptDesk
from infra.blobs import BlobFolder
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.identity import TokenRefused, Verifier
from infra.issuer_keys import IssuerKeys, IssuerUnreachable
from infra.live_tickets import Places, TicketDesk
from infra.media_tokens import grant_desk
from infra.recording_tickets import recording_tickets
from infra.reference import load as load_reference
from infra.serving import bound_socket, serving
from infra.settings import Settings


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    dsn = settings.database_url
    assert dsn is not None
    assert settings.oidc_issuer is not None
    store, feed = PostgresEventStore(dsn), Feed(dsn)
    async with readers(dsn) as pool:
        desk = ReceiptDesk(pool, settings.audit_origin, receipt_keys(settings))
        places = Places(dsn)
        tickets = TicketDesk(settings, await asyncio.to_thread(grant_desk, settings), places)
        blobs = BlobFolder(settings.data / "blobs")
        recordings = await asyncio.to_thread(recording_tickets, settings)
        services = Services(Bus(store), pool, feed, load_reference(), desk, blobs, tickets, recordings)
        api = build_api(
            services,
            feed,
            _verify(settings, settings.oidc_issuer),
            production=settings.production,
            origins=settings.allowed_origins,
            pages=room_page(media_origins(settings)),
        )
        following = asyncio.create_task(feed.run())
        try:
            vitals.wait_for("log", "reads how far the views have come")
            await feed.ready.wait()
            vitals.has("log")
            sock = bound_socket(settings.api_port, settings.listen_address)
            async with serving(api.app, sock, **WEBSOCKETS):
                vitals.started()
                await _tell(vitals, feed, following, stop)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            await desk.close()
            await places.close()
            await store.close()


def _verify(settings: Settings, issuer: str) -> Callable[[str | None], Awaitable[Token]]:
    """Whose token it is, by the header that brings it."""
    verifier = Verifier(settings, issuer, IssuerKeys(settings, issuer))

    async def verify(header: str | None) -> Token:
        try:
            return await verifier.from_header(header)
        except TokenRefused as refusal:
            raise Unauthenticated(refusal.code, "Send a valid access token: Authorization: Bearer …") from refusal
        except IssuerUnreachable as fault:
            raise Unavailable(retry_after=2.0) from fault

    return verify


async def _tell(vitals: Vitals, feed: Feed, following: asyncio.Task[None], stop: asyncio.Event) -> None:
    while not stop.is_set():
        if following.done():
            # Nobody would be told anything any more; the process ends, and a new one follows the log.
            raise RuntimeError("the log is no longer followed") from following.exception()
        vitals.position, vitals.lag = feed.released, feed.read - feed.released
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await stop.wait()
