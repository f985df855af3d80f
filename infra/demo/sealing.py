"""After the day: its activity report and the minutes of its consultation are asked for, sealed, and taken home.

Rules: everything goes through the API, as the auditor and the chair of the consultation would do it; each run and each
seal is an event of its own. The pages to print are left in the data folder for whoever wants to see them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from domain._values import local_day
from infra.demo.day import Day, NotAsItMustBe, Person
from infra.local.files import write_atomically

RUN = """
query ($report: UUID!, $position: Position) {
  reportRuns(reportId: $report, first: 1, minPosition: $position) {
    nodes { runId status sealedPosition resultSha256 checkpointSize cosignedBy failureCode failure }
  }
}
"""
SEALED_WITHIN_S = 60.0
LOOK_AGAIN_S = 0.3
PAGE = "page.vi.pdf"


@dataclass(frozen=True, slots=True)
class SealedReport:
    """`digest` is that of the result; `page` is the file that was left for people."""

    definition: str
    run_id: UUID
    position: int
    digest: str
    cosigned_by: tuple[str, ...]
    page: Path


async def seal_day(day: Day, chair: Person, consultation_id: UUID) -> tuple[SealedReport, SealedReport]:
    """The activity of the month of this day, and the minutes. Raises NotAsItMustBe."""
    auditor = day.person("auditor", "Kiểm toán Mẫu")
    month = f"{local_day(datetime.now(UTC)):%Y-%m}"
    activity = await _sealed(day, auditor, "activity", {"month": month})
    day.stage.say(f"Báo cáo hoạt động {month} đã niêm phong / the month's activity is sealed: {activity.digest[:16]}…")
    minutes = await _sealed(day, chair, "minutes", {"consultation": str(consultation_id)})
    day.stage.say(f"Biên bản hội chẩn đã niêm phong / the minutes are sealed: {minutes.digest[:16]}…")
    return activity, minutes


async def _sealed(day: Day, who: Person, definition: str, parameters: Mapping[str, str]) -> SealedReport:
    given = {
        "definition": definition,
        "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
        "ground": "Khai trương / launch day",
    }
    asked = await day.do(who, "requestReport", given)
    run = await _over(day, who, asked.aggregate_id, asked.position)
    if run["status"] != "SEALED":
        raise NotAsItMustBe(f"the report {definition} was not sealed: {run['failureCode']} {run['failure']}")
    page = day.settings.data / "demo" / f"{definition}.{PAGE}"
    write_atomically(page, await _page(day, who, run["runId"]))
    cosigned = tuple(run["cosignedBy"])
    return SealedReport(definition, UUID(run["runId"]), run["sealedPosition"], run["resultSha256"], cosigned, page)


async def _over(day: Day, who: Person, report_id: UUID, position: int) -> dict[str, Any]:
    """The run, once it is sealed or given up."""
    async with asyncio.timeout(SEALED_WITHIN_S):
        while True:
            answer = await day.ask(who, RUN, report=str(report_id), position=position)
            (run,) = answer["reportRuns"]["nodes"]
            if run["status"] != "REQUESTED":
                return dict(run)
            await asyncio.sleep(LOOK_AGAIN_S)


async def _page(day: Day, who: Person, run_id: str) -> bytes:
    client = day.client(who)
    address = f"{client.url.removesuffix('/graphql')}/reports/{run_id}/{PAGE}"
    answer = await day.http.get(address, headers={"authorization": f"Bearer {client.token}"}, timeout=SEALED_WITHIN_S)
    if answer.status_code != 200:
        raise NotAsItMustBe(f"the page of run {run_id} was answered with {answer.status_code}")
    return answer.content
