"""How the connection of a participant goes, told to the log in coarse words that hold for years.

Rules: no address is told, only whether it is that of a relay: one of this deployment's, or one that the participant
named as its own relayed candidate; times are round, since nobody has to be found again by them. The way is told as it
is when the connection stands; a phone that changes its network makes another connection.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from domain._live import Transport

if TYPE_CHECKING:
    from media.engine import Engine
    from media.peer import Peer

Address = tuple[str, int]

DIRECT, RELAY = "direct", "relay"
MOST_NAMED = 16
ROUND_MS = 10
LOOKED_UP_EVERY_S = 300.0
log = structlog.get_logger()


def relayed_candidates(text: str) -> set[Address]:
    """What a description, or a fragment of one, names as candidates at a relay (RFC 8839, 5.1)."""
    found: set[Address] = set()
    for line in text.splitlines():
        words = line.split()
        if not line.startswith("a=candidate:") or len(words) < 8 or words[6:8] != ["typ", "relay"]:
            continue
        if words[5].isdecimal() and len(words[5]) < 6 and len(found) < MOST_NAMED:
            found.add((words[4], int(words[5])))
    return found


def path_of(address: Address, relays: Collection[str], named: Collection[Address]) -> str:
    """Whether packets from there come over a relay, as far as a worker can know."""
    return RELAY if address[0] in relays or address in named else DIRECT


def transport_of(peer: Peer) -> Transport | None:
    """The way of a connection that stands."""
    address = peer.connection.remote_address
    if peer.srtp is None or peer.mouth is None or address is None:
        return None
    dtls, cipher = peer.connection.sealed_by
    far_ms = peer.mouth.shortest_ms
    return Transport(
        path=path_of(address, peer.engine.relays, peer.relayed),
        protocol="udp",
        cipher=cipher,
        setup_ms=_round((time.monotonic_ns() - peer.began_ns) / 1e6),
        dtls=dtls,
        srtp_profile=peer.srtp.profile,
        rtt_ms=_round(far_ms) if far_ms is not None else None,
    )


def kind_of(peer: Peer, transport: Transport) -> tuple[object, ...]:
    """What makes a way another one: the network that it comes from, how it goes and how it is sealed."""
    address = peer.connection.remote_address
    own = (transport.path, transport.protocol, transport.dtls, transport.cipher, transport.srtp_profile)
    return (address[0] if address is not None else None, *own)


def _round(ms: float) -> int:
    return ROUND_MS * round(ms / ROUND_MS)


async def know_relays(engine: Engine, urls: Sequence[str]) -> None:
    """Looks up where the relays of this deployment are, again and again, since names move."""
    while True:
        try:
            engine.relays = await addresses_of(urls)
        except (OSError, ValueError) as fault:
            # A name that is none, or that nobody answers for now: calls go on, and a relay is told as a direct way.
            log.warning("relays_not_known", error_type=type(fault).__name__)
        await asyncio.sleep(LOOKED_UP_EVERY_S)


async def addresses_of(urls: Sequence[str]) -> frozenset[str]:
    """The addresses of relays. On this machine's own a relay cannot be told from its guests. Raises OSError."""
    look_up = asyncio.get_running_loop().getaddrinfo
    hosts = {urlsplit(f"//{url.partition(':')[2]}").hostname for url in urls if url.startswith("turn")}
    found = [one for host in hosts if host for one in await look_up(host, None)]
    addresses = {str(address[0]) for *_, address in found}
    return frozenset(one for one in addresses if not ipaddress.ip_address(one).is_loopback)
