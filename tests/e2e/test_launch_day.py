"""The launch day on a whole stack of its own, played twice: as it is, and with a frame that gets lost on the way.

Each rule by which the day is judged is shown to see what it is there for: the evidence of the first day is falsified
in one place, and the verdict has to say so.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from infra.client import Accepted, Frame, Rejected
from infra.demo.day import Answer, new_day
from infra.demo.evidence import Evidence
from infra.demo.proof import TAMPERS, prove
from infra.demo.run import running
from infra.demo.script import Played, play
from infra.demo.sealing import SealedReport, seal_day
from infra.demo.stage import Stage
from infra.demo.verdict import complaints
from infra.demo.watchers import Watcher
from infra.local.down import down
from infra.local.record import Record
from infra.settings import Settings

pytestmark = pytest.mark.timeout(420)
AT_ONCE = 1000.0
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
async def settings() -> AsyncIterator[Settings]:
    """A stack with its own PostgreSQL and Kafka in a folder of its own."""
    data = Path(tempfile.mkdtemp(prefix="telehealth-launch-"))
    settings = Settings.from_env().model_copy(update={"data": data, "database_url": None, "kafka_bootstrap": None})
    try:
        yield settings
    finally:
        await asyncio.to_thread(down, settings, QUIET)
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="module")
async def stack(settings: Settings) -> Record:
    record = await asyncio.to_thread(running, settings, QUIET)
    assert record is not None, (settings.data / "log" / "up.log").read_text()
    return record


async def one_day(settings: Settings, stack: Record) -> Played:
    async with new_day(settings, stack, Stage(), AT_ONCE) as day:
        return await play(day)


@pytest.fixture(scope="module")
async def first(settings: Settings, stack: Record) -> Played:
    return await one_day(settings, stack)


async def test_the_launch_day_is_as_it_must_be(first: Played) -> None:
    summary = first.summary
    assert summary.wrong == []
    assert summary.dense
    assert (summary.gaps, summary.doubles) == (0, 0)
    assert summary.consultation == "SIGNED"
    assert (summary.signatures, summary.referrals_closed) == (6, 5)


@pytest.fixture(scope="module")
async def sealed(settings: Settings, stack: Record, first: Played) -> Sequence[SealedReport]:
    async with new_day(settings, stack, Stage(), AT_ONCE) as day:
        return await seal_day(day, first.chair, first.consultation_id)


async def test_the_activity_and_the_minutes_are_sealed_with_the_witness_and_can_be_printed(
    sealed: Sequence[SealedReport],
) -> None:
    assert [one.definition for one in sealed] == ["activity", "minutes"]
    assert all(len(one.cosigned_by) == 2 for one in sealed)
    assert all(one.page.read_bytes().startswith(b"%PDF") for one in sealed)


async def test_the_report_is_computed_again_and_each_falsification_of_a_copy_is_named(
    first: Played, sealed: Sequence[SealedReport], settings: Settings, stack: Record
) -> None:
    proof = await prove(settings, stack, sealed, Stage())
    assert proof.verdict.startswith("VERIFIED")
    assert f"activity from them to the same bytes: {sealed[0].digest}" in proof.told
    assert [one.what for one in proof.tampered if one.named] == [what for what, _ in TAMPERS]
    assert first.summary.proved(proof).wrong == []
    told = json.loads(first.summary.proved(proof).as_json())
    assert told["proof"]["sealed"][1]["digest"] == sealed[1].digest
    overlooked = replace(proof.tampered[0], verdict=proof.verdict)
    (complaint,) = first.summary.proved(replace(proof, tampered=(overlooked, *proof.tampered[1:]))).wrong[1:]
    assert f"at {overlooked.position} was not named" in complaint
    assert first.summary.proved(replace(proof, verdict="REFUSED: x")).wrong
    assert first.summary.proved(replace(proof, tampered=proof.tampered[1:])).wrong


async def test_a_database_that_is_not_the_stacks_own_is_left_alone(
    stack: Record, settings: Settings, sealed: Sequence[SealedReport]
) -> None:
    elsewhere = settings.model_copy(update={"database_url": stack.database_url})
    proof = await prove(elsewhere, stack, sealed, Stage())
    assert proof.holds
    assert "not the stack's own" in proof.why_not
    assert not proof.tampered


async def test_two_hundred_and_six_hospitals_of_35_provinces_are_connected_and_each_has_its_subscription(
    first: Played,
) -> None:
    summary = first.summary
    assert (summary.connected_on_the_day, summary.provinces, summary.subscribers) == (206, 35, 206)
    assert summary.points == {"CENTRE JOINED": 1, "BRIDGE_POINT JOINED": 5, "OBSERVER JOINED": 200}
    # Whoever watches is told of every arrival, so that 206 subscribers hear of 206 points.
    assert summary.deliveries > 206 * 206


async def test_the_point_that_lost_its_line_came_back_to_its_place(first: Played) -> None:
    left = [event for event in first.evidence.session if event["name"] == "consultation.point_left"]
    joined = [event for event in first.evidence.session if event["name"] == "consultation.point_joined"]
    assert [event["data"]["reason"] for event in left] == ["line_lost"]
    facility = left[0]["data"]["facility_id"]
    places = [
        (one["data"]["place"], one["data"]["rejoined"]) for one in joined if one["data"]["facility_id"] == facility
    ]
    assert [rejoined for _, rejoined in places] == [False, True]
    assert len({place for place, _ in places}) == 1
    assert first.summary.resumed == 1


async def test_the_rules_refuse_what_the_day_tries_in_vain(first: Played) -> None:
    assert first.summary.refused == {
        "REFERRAL_INCOMPLETE": 1,
        "OBSERVERS_ARE_SILENT": 1,
        "DEVICE_NOT_CONNECTED": 1,
        "EVERYBODY_HAS_TO_CONSENT": 1,
        "ISSUES_WITHOUT_CONCLUSION": 1,
    }
    returned = [event["data"] for event in first.evidence.log if event["name"] == "referral.returned"]
    assert [one["suggested_speciality"] for one in returned] == ["obstetrics_gynaecology"]


async def test_images_below_diagnostic_quality_are_told_apart(first: Played) -> None:
    # Two of the eight are stills of the live ultrasound, whose 15 pictures a second are too few.
    assert (first.summary.images, first.summary.images_for_diagnosis) == (8, 4)


async def test_five_cameras_and_an_ultrasound_were_seen_and_one_camera_came_back(first: Played) -> None:
    assert first.evidence.live is not None
    sources = {source.place.split()[1]: source for source in first.evidence.live.sources}
    assert len(first.evidence.live.sources) == 6
    assert sources.keys() == {"camera", "ultrasound"}
    assert [source.name for source in first.evidence.live.sources if source.cuts] == [
        "Bệnh viện Hữu nghị Đa khoa Nghệ An"
    ]
    assert len(first.evidence.live.watched) == 22
    heard = {tuple(seen.size): seen.sounds > 0 for seen in first.evidence.live.watched}
    assert heard == {(16, 16): False, (640, 360): True, (1280, 720): False}, "most are counted, two are decoded"


async def test_the_recording_was_played_back_and_taken_out_as_dicom(first: Played) -> None:
    assert first.summary.live is not None
    recording = first.summary.live["recording"]
    assert recording["pictures"] > recording["dicom_pictures"] > 0
    assert recording["ms"] > 0


async def test_a_second_day_finds_the_hospitals_and_a_frame_lost_on_the_way_is_found(
    first: Played, settings: Settings, stack: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Watcher.take
    dropped: list[Frame] = []

    def lossy(watcher: Watcher, frame: Frame) -> None:
        if (
            not dropped
            and watcher.since is not None
            and watcher.name.startswith("Trung tâm")
            and frame.update["events"]
        ):
            dropped.append(frame)
        else:
            take(watcher, frame)

    monkeypatch.setattr(Watcher, "take", lossy)
    second = await one_day(settings, stack)
    lost = [event["position"] for event in dropped[0].update["events"]]
    assert second.summary.gaps == len(lost)
    (complaint,) = second.summary.wrong
    assert f"missed {len(lost)} events" in complaint
    assert "facility" not in second.summary.events
    assert second.evidence.live is not None
    assert second.summary.connected == first.summary.connected


def without(position: Callable[[Evidence], int]) -> Callable[[Evidence], Evidence]:
    def falsify(evidence: Evidence) -> Evidence:
        gone = position(evidence)
        return replace(evidence, log=[event for event in evidence.log if event["position"] != gone])

    return falsify


def a_session_event(name: str) -> Callable[[Evidence], Evidence]:
    """The event is not in the log, though the view shows what came of it."""

    def falsify(evidence: Evidence) -> Evidence:
        gone = next(event for event in evidence.session if event["name"] == name)
        return replace(evidence, session=[event for event in evidence.session if event is not gone])

    return falsify


def view(name: str, **changes: Any) -> Callable[[Evidence], Evidence]:
    """A view shows something else."""

    def falsify(evidence: Evidence) -> Evidence:
        row = {**getattr(evidence.views, name), **changes}
        return replace(evidence, views=replace(evidence.views, **{name: row}))

    return falsify


def one_of(name: str, **changes: Any) -> Callable[[Evidence], Evidence]:
    """A view shows something else of one patient."""

    def falsify(evidence: Evidence) -> Evidence:
        rows = dict(getattr(evidence.views, name))
        id_ = next(iter(rows))
        rows[id_] = {**rows[id_], **changes}
        return replace(evidence, views=replace(evidence.views, **{name: rows}))

    return falsify


def an_answer(result: Callable[[Evidence], Answer]) -> Callable[[Evidence], Evidence]:
    return lambda evidence: replace(evidence, answers=[*evidence.answers, result(evidence)])


def accepted_in_vain(evidence: Evidence) -> Answer:
    return Answer(uuid4(), "giveFloor", 0.0, Accepted(uuid4(), 1, evidence.last))


def refused_and_done(evidence: Evidence) -> Answer:
    done = next(answer for answer in evidence.answers if isinstance(answer.result, Accepted))
    return replace(done, result=Rejected("NOT_THE_CHAIR", "", None, {}))


def told(**changes: Any) -> Callable[[Evidence], Evidence]:
    def falsify(evidence: Evidence) -> Evidence:
        one, *others = evidence.delivered
        return replace(evidence, delivered=[replace(one, **changes), *others])

    return falsify


@pytest.mark.parametrize(
    "falsified",
    [
        without(lambda evidence: evidence.last - 1),
        an_answer(accepted_in_vain),
        an_answer(refused_and_done),
        told(missed=(1,)),
        told(doubled=(1,)),
        told(foreign=(1,)),
        told(in_order=False),
        a_session_event("consultation.case_presented"),
        a_session_event("consultation.opinion_given"),
        a_session_event("consultation.issue_concluded"),
        a_session_event("consultation.point_joined"),
        a_session_event("consultation.minutes_signed"),
        a_session_event("consultation.closed"),
        view("board", status="OPEN"),
        view("board", cases=[]),
        view("board", attendance=[]),
        view("minutes", genuine=False),
        view("minutes", contentSha256="0" * 64),
        view("then", connected=205),
        view("then", provincesConnected=34),
        view("now", connected=205),
        one_of("referrals", status="ANSWERED"),
        one_of("examinations", images=1),
        one_of("examinations", contentSha256="0" * 64),
    ],
)
async def test_what_is_not_as_it_must_be_is_found(first: Played, falsified: Callable[[Evidence], Evidence]) -> None:
    assert complaints(first.evidence) == []
    assert complaints(falsified(first.evidence)) != []
