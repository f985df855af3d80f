"""The whole stack on real processes: what dies comes back, and nothing stays behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from infra.local.kinship import Kin
from infra.serving import bound_socket
from infra.settings import ROOT

# Enough to stand on each other; what all of them do together is seen where the launch day is played.
SOME = "issuer,relay,projections,api"


class Copy:
    """One data folder and the command line on it."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        given = {k: v for k, v in os.environ.items() if not k.startswith("TELEHEALTH_") and k != "DATABASE_URL"}
        self.env = {
            **given,
            "TELEHEALTH_DATA": str(data),
            "PYTHONPATH": str(ROOT),
            "TELEHEALTH_PROCESSES": SOME,
            **variables,
        }
        self.ever: set[int] = set()

    async def run(self, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "infra.cli", *arguments),
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    async def all_is_well(self) -> dict[str, Any]:
        """The status, once those who stood on what went say no longer that they wait, but that they have it again."""
        deadline = time.monotonic() + 180
        while True:
            code, said = await self.run("status", "--json")
            if code == 0:
                found: dict[str, Any] = json.loads(said)
                return found
            assert time.monotonic() < deadline, said
            await asyncio.sleep(0.2)

    async def up(self) -> None:
        code, said = await self.run("up", "--detach")
        assert code == 0, said
        self.stack()

    def stack(self) -> dict[str, Any]:
        stack: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        self.ever |= {m["kin"]["pid"] for m in (*stack["members"].values(), {"kin": stack["supervisor"]}) if m["kin"]}
        return stack

    def pid(self, name: str) -> int:
        return int(self.stack()["members"][name]["kin"]["pid"])

    async def until_ready_again(self, name: str, former: int, patience_seconds: float = 60) -> None:
        """Until the process lives under another pid and is ready."""
        began = time.monotonic()
        while time.monotonic() - began < patience_seconds:
            member = self.stack()["members"][name]
            if member["kin"] and member["kin"]["pid"] != former and member["state"] == "ready":
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{name} did not come back: {member}")

    async def nothing_runs(self, patience_seconds: float = 60) -> bool:
        """No process that ever belonged to this copy lives; asks the kernel and not the record."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if not any(Kin.of(pid) for pid in self.ever) and not _users_of(self.data):
                return True
            await asyncio.sleep(0.05)
        return False


def _users_of(data: Path) -> list[int]:
    """Every process that has the data folder in its command line or as its place."""
    users = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                cmdline = (entry / "cmdline").read_bytes().decode(errors="replace")
                if str(data) in cmdline or str(data) in os.readlink(entry / "cwd"):
                    users.append(int(entry.name))
            except OSError:
                continue
    return users


@pytest.fixture
async def copy(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str) -> AsyncIterator[Callable[..., Copy]]:
    """Makes copies that share the run's Kafka, since its start is the slow one."""
    made: list[Copy] = []

    def make(**variables: str) -> Copy:
        made.append(Copy(tmp_path_factory.mktemp("copy"), **{"KAFKA_BOOTSTRAP": kafka_bootstrap, **variables}))
        return made[-1]

    yield make
    for each in made:
        await each.run("down")
        assert await each.nothing_runs()


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str) -> AsyncIterator[Copy]:
    """One that runs, for tests after which it runs on."""
    copy = Copy(tmp_path_factory.mktemp("running"), KAFKA_BOOTSTRAP=kafka_bootstrap)
    await copy.up()
    yield copy
    await copy.run("down")
    assert await copy.nothing_runs()


async def test_a_killed_process_is_back_and_counted(running: Copy) -> None:
    stack = running
    for name in ("issuer", "postgres"):
        former = stack.pid(name)
        os.kill(former, signal.SIGKILL)
        await stack.until_ready_again(name, former)
        process = (await stack.all_is_well())["processes"][name]
        # A PostgreSQL that is back before its dead one has let go of the memory ends once more.
        assert process["restarts"] >= 1
        assert process["pid"] == stack.pid(name) != former


async def test_a_killed_supervisor_leaves_nobody_and_the_next_up_works(copy: Callable[..., Copy]) -> None:
    stack = copy()
    await stack.up()
    connection = await asyncpg.connect(stack.stack()["database_url"])
    await connection.execute("CREATE TABLE fact (x int); INSERT INTO fact VALUES (7)")
    os.kill(stack.stack()["supervisor"]["pid"], signal.SIGKILL)
    assert await stack.nothing_runs()
    assert (await stack.run("status"))[0] == 3
    await stack.up()
    again = await asyncpg.connect(stack.stack()["database_url"])
    assert await again.fetchval("SELECT x FROM fact") == 7
    await again.close()


async def test_the_next_up_ends_what_the_kernel_did_not(copy: Callable[..., Copy]) -> None:
    stack = copy()
    await stack.up()
    await stack.run("down")
    with (
        subprocess.Popen(["sleep", "60"], start_new_session=True) as leftover,
        subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger,
    ):
        record = stack.stack()
        kin, other = Kin.of(leftover.pid), Kin.of(stranger.pid)
        assert kin is not None
        assert other is not None
        record["members"]["issuer"]["kin"] = {"pid": kin.pid, "started_ticks": kin.started_ticks, "boot": kin.boot}
        # The same pid with another start: it was recycled, so it is nobody's business.
        record["members"]["postgres"]["kin"] = {"pid": other.pid, "started_ticks": 1, "boot": other.boot}
        (stack.data / "stack.json").write_text(json.dumps(record))
        await stack.up()
        assert leftover.poll() is not None
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, *(pytest.param(one, marks=pytest.mark.long) for one in (signal.SIGINT, signal.SIGHUP))]
)
async def test_a_signal_ends_everything_in_order(copy: Callable[..., Copy], number: int) -> None:
    stack = copy()
    await stack.up()
    os.kill(stack.stack()["supervisor"]["pid"], number)
    assert await stack.nothing_runs()
    assert "process_stopped" in (stack.data / "log" / "issuer.log").read_text()
    assert "database system is shut down" in (stack.data / "log" / "postgres.log").read_text()
    assert stack.stack()["state"] == "stopped"


async def test_a_signal_during_the_start_ends_it(copy: Callable[..., Copy]) -> None:
    stack = copy()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", "up", env=stack.env, stdout=subprocess.PIPE, start_new_session=True
    )
    while not (stack.data / "stack.json").exists():
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert await stack.nothing_runs()


async def test_two_copies_run_side_by_side(copy: Callable[..., Copy]) -> None:
    one, two = copy(), copy()
    await asyncio.gather(one.up(), two.up())
    assert one.stack()["database_url"] != two.stack()["database_url"]
    assert one.stack()["issuer"] != two.stack()["issuer"]
    await one.run("down")
    assert (await two.run("status"))[0] == 0


async def test_only_the_named_processes_are_started_and_one_that_is_not_there_is_told(
    copy: Callable[..., Copy],
) -> None:
    code, said = await copy(TELEHEALTH_PROCESSES="issuer,rely").run("up", "--detach")
    assert code != 0
    assert "TELEHEALTH_PROCESSES names rely" in said
    stack = copy(TELEHEALTH_PROCESSES="issuer")
    await stack.up()
    assert set(stack.stack()["members"]) == {"postgres", "issuer"}


async def test_a_second_up_on_the_same_folder_says_that_it_already_runs(running: Copy) -> None:
    def pids() -> dict[str, int]:
        return {name: running.pid(name) for name in running.stack()["members"]}

    before = pids()
    for arguments in (("up",), ("up", "--detach")):
        code, said = await running.run(*arguments)
        assert code == 1
        assert "already runs" in said
    assert pids() == before


async def test_a_fixed_port_that_is_taken_is_named(copy: Callable[..., Copy]) -> None:
    with bound_socket(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        stack = copy(TELEHEALTH_POSTGRES_PORT=str(port))
        code, said = await stack.run("up", "--detach")
    assert code == 1
    assert f"{port} (TELEHEALTH_POSTGRES_PORT)" in said.replace("\n", "")
    assert f"pid {os.getpid()}" in said.replace("\n", "")


async def test_the_addresses_stay_the_same_over_a_restart(copy: Callable[..., Copy]) -> None:
    stack = copy()
    await stack.up()
    before = stack.stack()
    await stack.run("down")
    await stack.up()
    assert [stack.stack()[k] for k in ("database_url", "issuer", "graphql_url")] == [
        before[k] for k in ("database_url", "issuer", "graphql_url")
    ]


async def test_a_process_that_cannot_start_is_named_with_its_reason(copy: Callable[..., Copy]) -> None:
    stack = copy()
    (stack.data / "issuer").write_text("not a folder")
    code, said = await stack.run("up", "--detach")
    assert code == 1
    assert "issuer" in said
    assert await stack.nothing_runs()


async def test_a_killed_kafka_comes_back_with_what_it_was_given(tmp_path: Path) -> None:
    stack = Copy(tmp_path)
    stack.env.pop("KAFKA_BOOTSTRAP", None)
    try:
        await stack.up()
        former = stack.pid("kafka")
        os.kill(former, signal.SIGKILL)
        await stack.until_ready_again("kafka", former)
        os.kill(stack.stack()["supervisor"]["pid"], signal.SIGKILL)
        assert await stack.nothing_runs()
    finally:
        await stack.run("down")
