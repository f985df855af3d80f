"""What is told of the way of a connection: no address, and whether it is by a relay."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.async_api import Browser

from domain._kernel import decode
from domain.live_session import ParticipantJoined
from infra.media_tokens import Source
from media.reporter import Joined, Rerouted
from media.way import MOST_NAMED, addresses_of, path_of, relayed_candidates
from tests.media.screens import screen
from tests.media.ward import Ward

OFFER = """\
a=candidate:1 1 udp 2113937151 3f2a.local 51000 typ host
a=candidate:2 1 udp 1677729535 203.0.113.9 51001 typ srflx raddr 0.0.0.0 rport 0
a=candidate:3 1 udp 33562367 198.51.100.4 42001 typ relay raddr 203.0.113.9 rport 51001
"""


def test_a_relay_is_known_by_what_the_participant_names_or_by_being_one_of_ours() -> None:
    named = relayed_candidates(OFFER)
    assert named == {("198.51.100.4", 42001)}
    assert path_of(("198.51.100.4", 42001), frozenset(), named) == "relay"
    assert path_of(("198.51.100.4", 42002), frozenset(), named) == "direct"
    assert path_of(("198.51.100.4", 42002), frozenset({"198.51.100.4"}), set()) == "relay"
    assert path_of(("203.0.113.9", 51001), frozenset({"198.51.100.4"}), named) == "direct"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=candidate:",
        "a=candidate:1 1 udp 1 198.51.100.4 x typ relay",
        "a=candidate:1 1 udp 1 198.51.100.4 99999999 typ relay",
        "a=candidate:1 1 udp 1 198.51.100.4 42001 relay typ",
    ],
)
def test_what_names_no_relay_is_passed_over(text: str) -> None:
    assert relayed_candidates(text) == set()


def test_no_text_names_many() -> None:
    text = "\n".join(f"a=candidate:1 1 udp 1 198.51.100.4 {port} typ relay" for port in range(1_000, 2_000))
    assert len(relayed_candidates(text)) == MOST_NAMED


async def test_our_relays_are_looked_up_and_those_of_this_machine_left_out() -> None:
    urls = ("stun:192.0.2.1:3478", "turn:192.0.2.7:3478?transport=udp", "turns:192.0.2.8:443", "turn:127.0.0.1:3478")
    assert await addresses_of(urls) == {"192.0.2.7", "192.0.2.8"}
    assert await addresses_of(()) == frozenset()


def test_who_joined_before_the_way_was_told_in_full_is_read_as_it_was_told() -> None:
    ids = '"participant_id": "64c572bd-c56f-5f69-bc65-e8b1369a5d46", "run_id": "cc70b6a6-3982-5cb1-afaa-12932d6fec41"'
    way = '{"path": "direct", "protocol": "udp", "cipher": "AES_256_GCM", "setup_ms": 180}'
    old = decode("live_session.participant_joined", 1, f'{{{ids}, "stay": 1, "transport": {way}}}'.encode())
    assert isinstance(old, ParticipantJoined)
    assert old.transport is not None
    assert (old.transport.setup_ms, old.transport.srtp_profile, old.transport.rtt_ms) == (180, None, None)


async def test_a_connection_by_another_way_is_told_and_one_by_the_same_way_is_not(
    chromium: Browser, ward: Ward
) -> None:
    who = {"participant_id": uuid4()}
    async with screen(chromium, ward) as one:
        await one.publish(grant=who)
        await one.publish(Source.ULTRASOUND, grant=who, audio=False)
        assert len(ward.heard.of(Joined)) == 1
        assert ward.heard.of(Rerouted) == []
        ways = {peer.connection.remote_address for peer in ward.engine.peers.values()}
        ward.engine.relays = frozenset(address[0] for address in ways if address is not None)
        await one.publish(Source.SCREEN, grant=who, audio=False)
        (told,) = ward.heard.of(Rerouted)
        assert (told.participant_id, told.transport.path) == (who["participant_id"], "relay")
        await one.publish(Source.CAMERA, grant=who, audio=False)
        assert len(ward.heard.of(Rerouted)) == 1, "it came this way already"
