"""PostgreSQL as a child: what was acknowledged stays, whatever kills it."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from infra.local.child import Child
from infra.local.kinship import Kin
from infra.local.ports import Ports
from infra.local.postgres import Postgres
from infra.local.program import CannotStart
from infra.settings import Settings, child_environment
from tests.conftest import Stack


@pytest.fixture
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Postgres, Child]]:
    """One of its own, that may be killed."""
    settings = Settings(data=tmp_path_factory.mktemp("pg"))
    server = Postgres(settings.data, Ports.choose(settings).postgres, child_environment(settings))
    child = Child(server.program(), settings.data / "postgres.log", 10, lambda: None)
    child.start()
    await child.first_ready()
    yield server, child
    await child.stop()


async def test_the_server_keeps_what_it_acknowledged_by_its_settings(database: str, stack: Stack) -> None:
    if stack.settings.database_url:
        pytest.skip("somebody else's PostgreSQL has somebody else's settings")
    connection = await asyncpg.connect(database)
    for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await connection.fetchval(f"SHOW {name}") == "on"
    assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    assert not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    await connection.close()


async def test_every_test_has_an_empty_database_of_its_own(database: str) -> None:
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.execute("CREATE TABLE left_behind (x int)")
    await connection.close()


async def test_nobody_gets_in_without_the_password(stack: Stack) -> None:
    if stack.settings.database_url:
        pytest.skip("somebody else's PostgreSQL has somebody else's accounts")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(stack.dsn, password="guess")


async def test_commits_survive_kill_9_and_the_server_comes_back(postgres: tuple[Postgres, Child]) -> None:
    server, child = postgres
    connection = await asyncpg.connect(server.dsn())
    await connection.execute("CREATE TABLE fact (x int); INSERT INTO fact VALUES (1)")
    assert child.kin is not None
    child.was_ready.clear()
    child.kin.signal(signal.SIGKILL)
    await child.was_ready.wait()
    again = await asyncpg.connect(server.dsn())
    assert await again.fetchval("SELECT x FROM fact") == 1
    assert child.restarts >= 1
    await again.close()


async def test_a_pid_file_whose_pid_was_given_to_another_process_does_not_stop_the_server(
    postgres: tuple[Postgres, Child],
) -> None:
    server, child = postgres
    await child.stop()
    account = server.account
    with subprocess.Popen(["sleep", "60"], user=account, cwd="/") as stranger:
        content = f"{stranger.pid}\n{server.folder}\n1\n{server.port}\n\n127.0.0.1\n0 0\nready\n"
        path = server.folder / "postmaster.pid"
        path.write_text(content)
        os.chown(path, server.folder.stat().st_uid, server.folder.stat().st_gid)
        again = Child(server.program(), server.folder.parent / "again.log", 10, lambda: None)
        again.start()
        await again.first_ready()
        await again.stop()
        assert Kin.of(stranger.pid) is not None
        stranger.terminate()


async def test_a_crash_in_the_middle_of_making_the_folder_leaves_nothing_half_made(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    server = Postgres(settings.data, 1, child_environment(settings))
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server.prepare()
    assert (server.folder / "global" / "pg_control").exists()
    assert not half.exists()


async def test_a_data_folder_of_another_user_is_refused_with_a_reason(tmp_path: Path) -> None:
    server = Postgres(tmp_path, 1, {})
    server.folder.mkdir()
    (server.folder / "PG_VERSION").write_text("18\n")
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder that belongs to another user")
    os.chown(server.folder, 12345, 12345)
    with pytest.raises(CannotStart, match="belongs to another user"):
        server.prepare()
