"""One Chromium for all tests of live media, and a worker of its own for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from media.native.build import build
from media.udp import Port
from tests.debian import program
from tests.media.browser import browser
from tests.media.consulting import Consulting
from tests.media.consulting import consulting as consultation
from tests.media.stock import on_loopback
from tests.media.ward import Ward
from tests.media.ward import ward as made


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as launched:
        yield launched


@pytest.fixture
async def consulting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Consulting]:
    on_loopback(monkeypatch)
    async with consultation() as one:
        yield one


@pytest.fixture
async def ward() -> AsyncIterator[Ward]:
    async with made() as one:
        yield one


@pytest.fixture
def port() -> Iterator[Port]:
    """A worker's socket, and nothing behind it."""
    made = Port("127.0.0.1", 0)
    yield made
    made.socket.close()


@pytest.fixture(scope="session")
def native_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The way out in C, built anew from today's lines."""
    program("gcc libc6-dev", "cc", "gcc", "clang")
    return build(tmp_path_factory.mktemp("native"))
