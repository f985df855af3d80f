"""What a person or a client wants to know about a stack: the record, plus what each process says of itself now."""

import asyncio
from pathlib import Path
from typing import Any

from infra.local.probe import ask, health_url
from infra.local.record import Member, Record

COLUMNS = ("pid", "state", "restarts", "position", "lag")


async def overview(record: Record) -> dict[str, Any]:
    """The stack as plain data, ready for JSON; a process that does not answer has no position and no lag."""
    data = Path(record.data)
    members = await asyncio.gather(*(_process(data, name, member) for name, member in record.members.items()))
    return {
        "state": record.state,
        "supervisor_pid": record.supervisor.pid,
        "data": record.data,
        "graphql_url": record.graphql_url,
        "room_url": record.graphql_url.removesuffix("/graphql") + "/room/",
        "kafka_bootstrap": record.kafka_bootstrap,
        "database_url": record.database_url,
        "issuer": record.issuer,
        "processes": dict(zip(record.members, members, strict=True)),
    }


async def _process(data: Path, name: str, member: Member) -> dict[str, Any]:
    alive = member.kin is not None and member.kin.alive
    url = health_url(data, name, member.kin.pid) if alive and member.kin and not member.is_store else None
    said: dict[str, Any] = {}
    if url is not None:
        try:
            _, said = await ask(f"{url}/status")
        except OSError:
            said = {}
    return {
        "pid": member.kin.pid if alive and member.kin else None,
        "state": member.state if alive or member.kin is None else "dead",
        "reason": member.reason,
        "restarts": member.restarts,
        "position": said.get("position"),
        "lag": said.get("lag"),
        "details": said.get("details", {}),
        "health_url": url,
        "log": member.log,
    }
