"""A hospital whose firewall lets nothing out but the relay: coturn, with credentials that run out."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Browser

from infra.settings import Settings, SettingsRefused
from infra.turn import ice_servers
from media.reporter import Joined
from tests.debian import program
from tests.free_port import free_port
from tests.media.screens import screen
from tests.media.ward import Ward

SECRET = "only the relay and the API know this"


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Settings]:
    """A relay on loopback, and the settings that name it."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        program("coturn", "turnserver"),
        *("-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}"),
        *("--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=telehealth", "--allow-loopback-peers"),
        *("--no-tls", "--no-dtls", "--no-cli", "--log-file=stdout", f"--pidfile={tmp_path / 'pid'}"),
        *("--min-port=41000", "--max-port=42999", f"--userdb={tmp_path / 'users'}"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        yield Settings(turn_urls=(f"turn:127.0.0.1:{port}?transport=udp",), turn_secret=SECRET)
    finally:
        process.kill()
        await process.wait()


async def published_over(ward: Ward, chromium: Browser, servers: list[dict[str, str]]) -> tuple[str, str]:
    """Publishes over the relays alone; answers the kind of candidate that the browser ended up with, and what the log
    is told of the way."""
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish(servers=servers)
        await bridge.watch()
        await bridge.frames(15)
        found: str = await camera.page.evaluate("usedCandidate('camera')")
        joined = ward.heard.of(Joined)[0]
        return found, joined.transport.path


def as_browsers_have_it(settings: Settings, now: float | None = None) -> list[dict[str, str]]:
    servers = [asdict(one) for one in ice_servers(settings, str(uuid4()), now)]
    return [{"urls": one["url"], "username": one["username"], "credential": one["credential"]} for one in servers]


async def test_a_camera_behind_a_firewall_is_seen_over_the_relay(
    chromium: Browser, ward: Ward, relay: Settings
) -> None:
    assert await published_over(ward, chromium, as_browsers_have_it(relay)) == ("relay", "relay")


async def test_a_credential_that_ran_out_opens_no_relay(chromium: Browser, ward: Ward, relay: Settings) -> None:
    async with screen(chromium, ward) as camera:
        servers = as_browsers_have_it(relay, now=1_000_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await camera.publish(servers=servers)


def test_without_a_relay_there_is_no_credential() -> None:
    assert ice_servers(Settings(), "somebody") == []


def test_the_credential_is_what_coturn_computes() -> None:
    settings = Settings(turn_urls=("turn:relay.example:3478",), turn_secret="north", turn_credential_seconds=600)
    (server,) = ice_servers(settings, "user", now=1_400)
    # openssl: printf '2000:user' | openssl dgst -sha1 -hmac north -binary | base64
    known = subprocess.run(
        "printf '2000:user' | openssl dgst -sha1 -hmac north -binary | base64",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (server.username, server.credential) == ("2000:user", known.stdout.strip())


@pytest.mark.parametrize(("urls", "secret"), [("turn:a", ""), ("http://a", "x")])
def test_a_relay_that_could_not_be_used_is_refused_at_the_start(urls: str, secret: str) -> None:
    with pytest.raises(SettingsRefused, match="TELEHEALTH_TURN"):
        Settings.from_env({"TELEHEALTH_TURN_URLS": urls, "TELEHEALTH_TURN_SECRET": secret})
