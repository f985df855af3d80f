"""The worker of a deployment with a log answers for stills beside its signalling."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx

from infra.health import Vitals
from infra.settings import Settings
from media.process import main
from tests.media.recording.room import until


async def test_a_worker_with_a_log_has_a_door_for_stills(log_database: str, tmp_path: Path) -> None:
    settings = Settings.from_env({"TELEHEALTH_DATA": str(tmp_path), "DATABASE_URL": log_database})
    vitals, stop = Vitals("media"), asyncio.Event()
    working = asyncio.create_task(main(settings, vitals, stop))
    await until(lambda: vitals.ready)
    async with httpx.AsyncClient(base_url=str(vitals.details["url"])) as client:
        answer = await client.post(f"/stills/{uuid4()}/{uuid4()}")
    assert (answer.status_code, answer.json()["code"]) == (401, "GRANT_MISSING")
    stop.set()
    await working
