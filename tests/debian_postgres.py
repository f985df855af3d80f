"""Debian's own PostgreSQL, for what has to be the same on another server than the one that comes along.

It is installed by tests/debian.sh when that may be; else the test says what to install.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from tests.free_port import free_port

VERSIONS = Path("/usr/lib/postgresql")
MISSING = "Debian's PostgreSQL is not there: apt-get install postgresql"


def binaries() -> Path:
    """The folder of the newest server's programs; the test is passed over where there is none."""
    found = sorted(VERSIONS.glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if not found:
        pytest.skip(MISSING)
    return found[-1].parent


def made_for(data: Path) -> list[str]:
    """Make the folder, and answer how a program is run that works in it: root may not run the server."""
    data.mkdir(parents=True)
    if os.geteuid() != 0:
        return []
    for one in data.parents:
        if one != Path("/") and one.stat().st_uid == 0:
            one.chmod(one.stat().st_mode | 0o011)
    shutil.chown(data, "postgres")
    return ["runuser", "-u", "postgres", "--"]


@asynccontextmanager
async def debian_postgres() -> AsyncIterator[str]:
    """The DSN of a server of its own, which does not wait for the disk: it holds nothing that must last.

    Its folder is not among those of pytest, which each run of pytest closes anew to all but its own user.
    """
    with tempfile.TemporaryDirectory(prefix="telehealth-debian-") as folder:
        async with _serving(binaries(), Path(folder, "data")) as dsn:
            yield dsn


@asynccontextmanager
async def _serving(programs: Path, data: Path) -> AsyncIterator[str]:
    as_user = made_for(data)
    initdb = [
        *as_user,
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        "tester",
        "-A",
        "trust",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    await asyncio.to_thread(partial(subprocess.run, initdb, check=True, capture_output=True, cwd="/"))
    port = free_port()
    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_buffers": "16MB"}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [*as_user, programs / "postgres", "-D", data, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    dsn = f"postgresql://tester@127.0.0.1:{port}/postgres"
    try:
        await _answers(dsn)
        yield dsn
    finally:
        server.terminate()
        await asyncio.to_thread(server.wait)


async def _answers(dsn: str) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            db = await asyncpg.connect(dsn)
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
            continue
        await db.close()
        return
