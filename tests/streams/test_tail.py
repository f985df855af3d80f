"""`telehealth tail` prints the log for people and for programs, and ends cleanly whatever ends it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.mapper import Stored
from infra.open_form import OpenForm
from infra.settings import Settings, child_environment
from infra.topics import open_lane
from streams.tail import NotAsked, Wanted, tail
from streams.tail_forms import COLUMNS
from tests.product import ROOT
from tests.streams.lane import TestLane

Tail = Callable[..., tuple[int, str]]
FORM = OpenForm(bytes(32))


@pytest.fixture(scope="module")
def settings(kafka_bootstrap: str, story: Sequence[Stored], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose release holds the story in its open form."""
    data = tmp_path_factory.mktemp("tail")
    release = f"t{time.monotonic_ns():x}"
    lane = TestLane(kafka_bootstrap, sorted({stored.aggregate for stored in story}), open_lane(release))
    lane.write([FORM.of(stored) for stored in story])
    lane.close()
    known = Settings.from_env()
    return known.model_copy(update={"data": data, "kafka_bootstrap": kafka_bootstrap, "open_release": release})


@pytest.fixture
def printed(settings: Settings) -> Tail:
    def run(**wanted: Any) -> tuple[int, str]:
        out = io.StringIO()
        return tail(settings, Wanted(**wanted), out), out.getvalue()

    return run


def test_every_event_is_a_line_for_people(printed: Tail, story: Sequence[Stored]) -> None:
    code, text = printed()
    lines = text.splitlines()
    assert (code, len(lines)) == (0, len(story))
    submitted = next(line for line in lines if " referral.submitted " in line)
    assert "urgency=emergency" in submitted
    assert "người bệnh/patient" in submitted
    assert "2020-08-27" in submitted or f"{story[0].recorded_at:%Y}" in submitted


def test_json_and_csv_tell_the_same_to_programs(printed: Tail, story: Sequence[Stored]) -> None:
    objects = [json.loads(line) for line in printed(form="json")[1].splitlines()]
    rows = list(csv.DictReader(io.StringIO(printed(form="csv")[1])))
    assert [row["position"] for row in objects] == list(range(1, len(story) + 1))
    assert tuple(objects[0]) == tuple(rows[0]) == COLUMNS
    for one, other in zip(objects, rows, strict=True):
        assert {**other, "fields": json.loads(other["fields"])} == {
            **{name: "" if value is None else str(value) for name, value in one.items()},
            "fields": one["fields"],
        }


def test_filters_let_through_what_was_asked_for_alone(printed: Tail, story: Sequence[Stored]) -> None:
    def positions(**wanted: Any) -> list[int]:
        return [json.loads(line)["position"] for line in printed(form="json", **wanted)[1].splitlines()]

    def those(admits: Callable[[Stored], bool]) -> list[int]:
        return [stored.position for stored in story if admits(stored)]

    assert positions(aggregates=("referral",)) == those(lambda s: s.aggregate == "referral")
    assert positions(events=("referral.accepted",)) == those(lambda s: s.name == "referral.accepted")
    submitted = next(stored for stored in story if stored.name == "referral.submitted")
    told = orjson.loads(submitted.state)
    for kind in ("patient", "facility"):
        id_ = told[{"patient": "patient_id", "facility": "asking_facility_id"}[kind]]
        wanted = those(lambda s, id_=id_: id_.encode() in s.state + s.metadata or str(s.stream_id) == id_)  # type: ignore[misc]
        assert len(wanted) > 5
        assert positions(**{kind: FORM.pseudonym(id_)}) == wanted
    half = orjson.loads(story[len(story) // 2].metadata)["clinical_time"][:16]
    asked = Wanted.of(since=f"{half}+00:00", until=None, start=None, form="json").since
    later, earlier = positions(since=asked), positions(until=asked)
    assert later
    assert earlier
    assert sorted([*later, *earlier]) == those(lambda s: True)
    assert positions(start=20, limit=3) == [20, 21, 22]


def test_it_goes_on_where_it_was_left(printed: Tail, story: Sequence[Stored], tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    first = printed(resume=file, limit=10, form="json")[1]
    second = printed(resume=file, form="json")[1]
    assert (first + second).count("\n") == len(story)
    assert printed(resume=file, form="json") == (0, "")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"since": "yesterday"}, "--since: 'yesterday' is no time"),
        ({"start": "0"}, "positions begin at 1"),
        ({"start": "-5"}, "--from: '-5' is no time"),
        ({"form": "xml"}, "--format is one of lines, json, csv"),
    ],
)
def test_what_cannot_be_asked_is_told(typed: dict[str, str], why: str) -> None:
    with pytest.raises(NotAsked, match=why):
        Wanted.of(**{"since": None, "until": None, "start": None, "form": "lines", **typed})  # type: ignore[arg-type]


def test_a_time_without_offset_is_of_viet_nam() -> None:
    typed = {"since": "2020-08-27T09:00", "until": None, "start": None, "form": "csv"}
    assert Wanted.of(**typed).since == Wanted.of(**{**typed, "since": "2020-08-27T02:00Z"}).since  # type: ignore[arg-type]


def test_a_check_wants_the_whole_log_as_it_is(printed: Tail, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(check=True)[0] == 2
    assert "--check reads the log as it is" in capsys.readouterr().err


def test_a_fault_goes_to_stderr_with_its_code_and_place(
    printed: Tail, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    assert printed(aggregates=("nosuch",)) == (1, "")
    assert f"TOPIC_MISSING in telehealth.open.{settings.open_release}.nosuch.events" in capsys.readouterr().err


def command(settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "tail", *arguments],
        cwd=ROOT,
        env={**child_environment(settings), "PYTHONDONTWRITEBYTECODE": "1"},
        bufsize=0,  # A buffer would keep what was read beyond the first line from communicate(), which reads the pipe.
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def test_ctrl_c_and_a_reader_that_goes_away_end_it_without_a_word(settings: Settings) -> None:
    follower, cut = command(settings, "--follow", "--format", "json"), command(settings, "--follow")
    assert follower.stdout
    assert cut.stdout
    cut.stdout.close()
    first = await asyncio.to_thread(follower.stdout.readline)
    assert json.loads(first)["position"] == 1
    follower.send_signal(signal.SIGINT)
    lines, said = await asyncio.to_thread(follower.communicate, None, 60)
    assert (follower.returncode, said) == (0, b"")
    assert all(json.loads(line) for line in lines.splitlines()), "the last line is whole"
    assert cut.stderr
    code = await asyncio.to_thread(cut.wait, 60) if cut.poll() is None else cut.returncode
    assert (code, await asyncio.to_thread(cut.stderr.read)) == (0, b"")
