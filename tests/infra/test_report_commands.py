"""The command line asks for reports, waits for them, and explains why two editions differ."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from rich.console import Console
from typer.testing import CliRunner

from commands.consultation import CancelConsultation
from infra.audit.definitions import installed
from infra.audit.on_the_log import Wish
from infra.audit.pages.composing import Sealed, compose
from infra.audit.pages.html import html
from infra.audit.pages.numbers import Language
from infra.audit.pages.pdf import pdf
from infra.audit.report_commands import make_report
from infra.audit.report_diff_command import diff_reports
from infra.audit.report_pages import PAGES
from infra.cli import app
from infra.reference import load
from infra.settings import Settings
from tests.infra.pages.reading import text_of_html
from tests.inline_worker import InlineWorker
from tests.own_postgres import fresh_database
from tests.report_desk import Desk, desk
from tests.story import the_consultation_opens, the_patients_are_referred
from tests.story_network import AT, CONSULTATION, HIEU, the_network_is_built
from tests.storyteller import Story

if TYPE_CHECKING:
    from tests.conftest import Stack

AUGUST = Wish("activity", ["month=2020-08"], ground="Kiểm tra định kỳ.")


@pytest.fixture(scope="module")
async def story(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Desk, Story]]:
    """The launch day up to the open consultation; the office is open, and everything is cosigned."""
    async with fresh_database(stack.dsn) as dsn, AsyncExitStack() as ends:
        worker, found = InlineWorker(dsn), await ends.enter_async_context(desk(dsn, tmp_path_factory.mktemp("desk")))
        story = Story(found.store)
        for chapter in (the_network_is_built, the_patients_are_referred, the_consultation_opens):
            await chapter(story)
        await worker.start()
        url = await ends.enter_async_context(found.office.witness())
        await ends.enter_async_context(found.office.keeping(url))
        await ends.enter_async_context(found.open())
        yield found, story
        await worker.stop()


def settings_of(at: Desk) -> Settings:
    return Settings(data=at.home, database_url=at.dsn)


async def made(at: Desk, wish: Wish = AUGUST, out: Path | None = None) -> tuple[int, dict[str, Any], str]:
    """The exit code, what was told for programs, and for people."""
    told = io.StringIO()
    code = await asyncio.to_thread(make_report, settings_of(at), Console(file=told), wish, out, as_json=True)
    text = told.getvalue()
    return code, json.loads(text) if code == 0 else {}, text


async def different(
    at: Desk, before: str, after: str, wish: Wish | None = None, as_json: bool = True
) -> tuple[int, str]:
    told = io.StringIO()
    console = Console(file=told, width=200)
    code = await asyncio.to_thread(diff_reports, settings_of(at), console, wish, before, after, as_json=as_json)
    return code, told.getvalue()


async def test_a_report_is_asked_for_awaited_and_written(story: tuple[Desk, Story], tmp_path: Path) -> None:
    at, _ = story
    code, told, _ = await made(at, out=tmp_path / "out")
    assert code == 0
    for name, digest in told["files"].items():
        assert sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest, name
    assert told["result_sha256"] == told["files"]["result.json"]
    assert (tmp_path / "out" / "checkpoint").read_text().startswith("log.test/one\n")
    asked = (await at.history(UUID(told["report_id"])))[0].event
    assert asked.ground == "Kiểm tra định kỳ."  # type: ignore[attr-defined]


async def test_the_pages_for_people_lie_beside_the_files_and_are_made_of_them_alone(
    story: tuple[Desk, Story], tmp_path: Path
) -> None:
    at, _ = story
    _, told, _ = await made(at, out=tmp_path / "out")
    written = {name: (tmp_path / "out" / name).read_bytes() for name in PAGES}
    sealed = Sealed(
        result=(tmp_path / "out" / "result.json").read_bytes(),
        manifest=(tmp_path / "out" / "manifest.json").read_bytes(),
        checkpoint=(tmp_path / "out" / "checkpoint").read_text(),
        cosigned_by=told["cosigned_by"],
    )
    for language in Language:
        document = compose(sealed, language)
        assert written[f"page.{language}.html"] == html(document)
        assert written[f"page.{language}.pdf"] == pdf(document)
    assert told["result_sha256"] in text_of_html(written["page.vi.html"])


async def test_why_two_editions_differ_is_told_with_the_events_between_them(story: tuple[Desk, Story]) -> None:
    at, told_story = story
    _, first, _ = await made(at)
    await told_story.tell(AT[HIEU], CancelConsultation(consultation_id=CONSULTATION, reason="Mất điện toàn viện."))
    _, second, _ = await made(at)
    code, text = await different(at, first["run_id"], second["run_id"])
    found = json.loads(text)
    assert code == 0
    assert found["events"] == {"late": 0, "corrected": 0, "withdrawn": 1, "new": 0}
    total = next(one for one in found["changes"] if one["section"] == "total" and one["table"] is None)
    assert (total["before"], total["after"], total["explained"]) == (1, 0, -1)
    (cause,) = total["by"]
    assert (cause["name"], cause["why"], cause["stream"]) == ("consultation.cancelled", "withdrawn", str(CONSULTATION))
    assert first["position"] < cause["position"] <= second["position"]
    assert [one["as_sealed"] for one in found["editions"]] == [True, True]
    by_position = await different(at, str(second["position"]), str(first["position"]), AUGUST)
    assert json.loads(by_position[1])["changes"] == found["changes"]
    _, shown = await different(at, first["run_id"], second["run_id"], as_json=False)
    assert "Hội chẩn / Consultations  1 → 0" in shown
    assert "-1 withdrawn position" in shown


async def test_an_edition_whose_definition_has_changed_since_is_told_as_such(
    story: tuple[Desk, Story], tmp_path: Path
) -> None:
    at, _ = story
    _, first, _ = await made(at, out=tmp_path / "first")
    manifest = json.loads((tmp_path / "first" / "manifest.json").read_bytes())
    next(one for one in manifest["files"] if one["name"] == "result.json")["sha256"] = "00" * 32
    (tmp_path / "first" / "manifest.json").write_text(json.dumps(manifest))
    _, text = await different(at, str(tmp_path / "first"), first["run_id"])
    assert sorted(one["as_sealed"] for one in json.loads(text)["editions"]) == [False, True]


@pytest.mark.parametrize(
    ("wish", "code", "said"),
    [
        (Wish("weather"), 2, "There is no report weather; there are activity"),
        (Wish("activity"), 2, "needs the parameter month"),
        (Wish("activity", ["month=August"]), 2, "month is not a month"),
        (Wish("activity", ["month"]), 2, "name=value"),
        (Wish("activity", ["month=2020-08"], "yesterday", "x"), 2, "Neither a position nor a time"),
        (Wish("activity", ["month=2020-08"], "2020-08-27T09:00", "x"), 2, "Neither a position nor a time"),
        (Wish("activity", ["month=2020-08"], "9999999", "x"), 1, "AS_OF_NOT_REACHED: the log ends at"),
    ],
)
async def test_what_is_asked_wrongly_is_said(story: tuple[Desk, Story], wish: Wish, code: int, said: str) -> None:
    answer, _, text = await made(story[0], wish)
    assert (answer, said in text) == (code, True), text


async def test_what_cannot_be_compared_is_said(story: tuple[Desk, Story]) -> None:
    at, _ = story
    _, august, _ = await made(at)
    _, july, _ = await made(at, Wish("activity", ["month=2020-07"], ground="x"))
    assert (await different(at, august["run_id"], july["run_id"]))[1].startswith("REPORTS_NOT_COMPARABLE")
    assert "no sealed run" in (await different(at, str(CONSULTATION), july["run_id"]))[1]
    assert "name the report" in (await different(at, "7", july["run_id"]))[1]
    assert "The log has no position 0" in (await different(at, "0", "7", AUGUST))[1]


def test_the_list_tells_every_report_and_its_parameters() -> None:
    told = CliRunner().invoke(app, ["report", "list", "--json"])
    assert told.exit_code == 0
    assert {one["name"] for one in json.loads(told.stdout)} == set(installed())


def test_a_name_is_a_report_and_list_is_a_command(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["report", "activity"], env={"TELEHEALTH_DATA": str(tmp_path), "DATABASE_URL": ""})
    assert told.exit_code == 2
    assert "Nothing runs" in told.stdout


def test_what_may_be_asked_for_is_what_there_is() -> None:
    """The rules say who may ask; the definitions say what is counted, and in what form."""
    rules = {rule.name: rule for rule in load().report_definitions}
    assert rules.keys() == installed().keys()
    for name, one in installed().items():
        definition, rule = one.definition, rules[name]
        asked = [(p.name, p.kind, p.required) for p in definition.parameters]
        assert [(p.name, p.form, p.required) for p in rule.parameters] == asked, name
        assert (rule.content, rule.subject) == (definition.content, definition.subject), name
