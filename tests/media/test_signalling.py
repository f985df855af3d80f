"""WHIP and WHEP by the letter: what is created, told, refused and ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from infra.media_tokens import MediaRole
from infra.turn import IceServer
from media.signalling import Signalling
from tests.media.stock import offer_of, on_loopback, post
from tests.media.ward import Ward


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    on_loopback(monkeypatch)


@pytest.fixture
async def offer() -> AsyncIterator[str]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="sendonly")
    yield await offer_of(connection)
    await connection.close()


async def ask(ward: Ward, method: str, path: str, token: str, body: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(
            method, ward.url + path, content=body, headers={"Authorization": f"Bearer {token}", **named}
        )


async def test_what_is_created_is_told_and_can_be_ended(ward: Ward, offer: str) -> None:
    token = ward.token()
    made = await post(ward.whip(), token, offer)
    assert made.status_code == 201
    assert made.headers["content-type"] == "application/sdp"
    assert made.headers["etag"].strip('"')
    assert made.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
    where = made.headers["location"]
    assert len(ward.engine.peers) == 1
    ended = await ask(ward, "DELETE", where, token)
    assert ended.status_code == 200
    assert not ward.engine.peers
    again = await ask(ward, "DELETE", where, token)
    assert (again.status_code, again.json()["code"]) == (404, "NO_SUCH_CONNECTION")


async def test_nobody_ends_the_connection_of_another(ward: Ward, offer: str) -> None:
    where = (await post(ward.whip(), ward.token(), offer)).headers["location"]
    answer = await ask(ward, "DELETE", where, ward.token())
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_CONNECTION")
    assert len(ward.engine.peers) == 1


async def test_a_grant_that_ran_out_still_ends_what_it_began(ward: Ward, offer: str) -> None:
    who: dict[str, Any] = {"participant_id": uuid4()}
    where = (await post(ward.whip(), ward.token(**who), offer)).headers["location"]
    old = ward.token(**who, expires_at=datetime.now(UTC) - timedelta(hours=1))
    begun = await post(ward.whip(), old, offer)
    assert (begun.status_code, begun.json()["code"]) == (401, "GRANT_EXPIRED")
    assert (await ask(ward, "DELETE", where, old)).status_code == 200


async def test_candidates_that_trickle_in_are_taken_note_of(ward: Ward, offer: str) -> None:
    token = ward.token()
    made = await post(ward.whip(), token, offer)
    where, tag = made.headers["location"], made.headers["etag"]
    fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:" + "x" * 22 + "\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
    kind = {"Content_Type": "application/trickle-ice-sdpfrag"}
    cases = [
        (204, None, {**kind, "If_Match": tag}),
        (412, "ICE_SESSION_ENDED", {**kind, "If_Match": '"another"'}),
        (428, "ETAG_MISSING", kind),
        (422, "NO_ICE_RESTART", {**kind, "If_Match": "*"}),
        (415, "WRONG_MEDIA_TYPE", {"Content_Type": "application/sdp", "If_Match": tag}),
    ]
    for status, code, headers in cases:
        answer = await ask(ward, "PATCH", where, token, fragment, **headers)
        assert answer.status_code == status
        assert code is None or answer.json()["code"] == code


async def test_a_page_of_another_origin_may_ask_first(ward: Ward) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        plain = await client.options(ward.whip())
        page = await client.options(
            ward.whip(),
            headers={
                "Origin": "https://console.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
    assert plain.headers["accept-post"] == "application/sdp"
    assert page.status_code == 200
    assert page.headers["access-control-allow-origin"] == "*"
    assert "POST" in page.headers["access-control-allow-methods"]


async def test_relays_are_told_with_their_credentials(ward: Ward, offer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def servers(participant: str) -> Sequence[IceServer]:
        return [IceServer("stun:relay.example"), IceServer("turn:relay.example", f"9:{participant}", "c2VjcmV0")]

    who = uuid4()
    monkeypatch.setattr(ward.signalling, "_servers", servers)
    made = await post(ward.whip(), ward.token(participant_id=who), offer)
    links = made.headers.get_list("link")
    assert '<stun:relay.example>; rel="ice-server"' in links
    assert any(f'username="9:{who}"' in link and 'credential="c2VjcmV0"' in link for link in links)
    assert isinstance(ward.signalling, Signalling)


async def test_addresses_that_are_none_lead_nowhere(ward: Ward, offer: str) -> None:
    token = ward.token()
    for path in (f"/whip/{ward.session_id}/kitchen", "/whip/nonsense/camera", "/whep/nonsense/nonsense/camera"):
        answer = await post(ward.url + path, token, offer)
        assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_PLACE")
    other = await post(f"{ward.url}/whip/{uuid4()}/camera", token, offer)
    assert (other.status_code, other.json()["code"]) == (403, "ANOTHER_SESSION")
    assert not ward.engine.peers


async def test_an_observer_who_never_connects_is_forgotten(
    ward: Ward, offer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.peer.CONNECT_WITHIN_NS", 100_000_000)
    assert (await post(ward.whip(), ward.token(), offer)).status_code == 201
    await ward.until(lambda: not ward.engine.peers and not ward.engine.rooms and not ward.engine.port.peers)
    viewer = await post(ward.whep(), ward.token(MediaRole.VIEWER), offer)
    assert viewer.status_code == 409
