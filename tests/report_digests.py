"""The digests of every report's manifest, which names those of all of its files: what has to be the same everywhere.

`python -m tests.report_digests DSN POSITION PARAMETERS RUNS` prints them run after run, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping

from infra.audit.definitions import digest, installed
from infra.audit.sealing import computed
from infra.postgres import connect

ORIGIN = "log.test/one"


async def digests(dsn: str, position: int, parameters: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By the report's name; `parameters` are those of each report."""
    db = await connect(dsn)
    try:
        found = {}
        for name, one in installed().items():
            found[name] = digest((await computed(db, one, parameters[name], position, ORIGIN)).manifest)
        return found
    finally:
        await db.close()


async def main(dsn: str, position: str, parameters: str, runs: str) -> None:
    for _ in range(int(runs)):
        print(json.dumps(await digests(dsn, int(position), json.loads(parameters))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
