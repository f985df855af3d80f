"""The same SQL with no library around it: PostgreSQL's own pgbench, which is written in C.

One transaction is what one command needs when it is alone: the query that loads its stream, and a call of
`append_events`. The version that it expects is that of the last row that it loaded.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from infra.event_store import APPEND, LOAD
from infra.local.postgres import binary
from tests.benchmarks.callers import Answered
from tests.benchmarks.examinations import STREAMS
from tests.benchmarks.stage import address_of

ARRAYS = (
    "array[gen_random_uuid()]",
    "array[decode(repeat('66', 32), 'hex')]",
    "array[:id::uuid]",
    "array[:originator_version::bigint]",
    "array[]::int[]",
    "array[]::uuid[]",
    "array[]::bigint[]",
    "array[1]",
    "array['examination.observation_recorded']",
    "array[1::smallint]",
    "array[decode(repeat('7b', {state}), 'hex')]",
    "array[decode(repeat('7b', {metadata}), 'hex')]",
)


def script(state: int, metadata: int) -> str:
    """For events of these sizes. Each client has streams of its own, as the callers of the others have."""
    load = LOAD.replace("$1", "array[:id::uuid]").replace("$2", "array[0]")
    append = APPEND
    for number in range(len(ARRAYS), 0, -1):
        append = append.replace(f"${number}", ARRAYS[number - 1].format(state=state, metadata=metadata))
    own = f"\\set n :client_id + :clients * random(0, {STREAMS} / :clients - 1)\n"
    return f"{own}select md5(:n::text) as id \\gset\n{load.strip()} \\aset\n{append};\n"


def run(dsn: str, clients: int, total: int, text: str) -> Answered:
    to = address_of(dsn)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "command.sql").write_text(text)
        options = {
            "protocol": "prepared",
            "file": "command.sql",
            "client": clients,
            "jobs": 1,
            "transactions": max(1, total // clients),
            "define": f"clients={clients}",
            "host": to["host"],
            "port": to["port"],
            "username": to["user"],
        }
        done = subprocess.run(
            [
                str(binary("pgbench")),
                "--no-vacuum",
                "--log",
                *(f"--{name}={value}" for name, value in options.items()),
                to["database"],
            ],
            cwd=folder,
            env={**os.environ, "PGPASSWORD": to["password"], "PGOPTIONS": "-c jit=off"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != 0:
            raise RuntimeError(f"pgbench failed: {done.stderr[-500:]}")
        return _read(Path(folder))


def _read(folder: Path) -> Answered:
    """Each line of its log: client, number, latency in µs, script, and when it ended in s and µs."""
    latencies, begun, ended = [], [], []
    for file in folder.glob("pgbench_log*"):
        for line in file.read_text().splitlines():
            _, _, latency, _, seconds, micros = line.split()[:6]
            end = int(seconds) + int(micros) / 1e6
            latencies.append(int(latency) / 1e6)
            begun.append(end - int(latency) / 1e6)
            ended.append(end)
    return Answered(latencies, max(ended) - min(begun))
