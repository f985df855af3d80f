"""What the demo rests on, before anything runs: its hospitals, its images, its questions, and its own arithmetic."""

from __future__ import annotations

from collections import Counter
from importlib import import_module

import pytest
from graphql import parse, validate

from graphql_api.schema import build_schema, executable
from infra.client import Frame, Subscription
from infra.demo import feed, network, referrals, script, session, views, watchers
from infra.demo.bedside import DIGEST
from infra.demo.cases import STORIES
from infra.demo.delivery import delivered, latencies_ms, percentile
from infra.demo.hospitals import named
from infra.demo.hospitals import network as hospitals
from infra.demo.images import pictures
from infra.demo.watchers import Watcher

DOCUMENTS = (
    feed.EVENTS,
    network.REGISTER,
    referrals.STATUS,
    script.BOARD,
    script.INBOX,
    session.MINUTES,
    views.CONSULTATION,
    views.PATIENT,
    views.NETWORK,
    watchers.WATCH,
    DIGEST,
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_demo_asks_what_the_api_answers(document: str) -> None:
    assert validate(executable(build_schema()), parse(document)) == []


def test_206_hospitals_of_35_provinces_are_the_same_in_every_run() -> None:
    known = hospitals()
    assert len({one.id for one in known}) == len({one.code for one in known}) == 206
    assert len({one.province_code for one in known}) == 35
    import_module("infra.demo.hospitals").network.cache_clear()
    assert hospitals() == known


def test_six_hospitals_have_their_names_and_each_province_has_a_general_one() -> None:
    assert [one.code for one in hospitals()[:6]] == [one.code for one in named()]
    general = [one for one in hospitals() if one.code.endswith("-000")]
    assert Counter(one.province_code for one in general) == Counter({one.province_code for one in hospitals()})


def test_each_bridge_point_has_one_patient() -> None:
    assert [story.point for story in STORIES] == [one.code for one in named()[1:]]


def test_frames_of_the_ultrasound_loop_are_whole_pictures_and_differ() -> None:
    frames = pictures("examples_ybr_color")
    assert len({frame.content for frame in frames}) == 2
    for frame in frames:
        assert frame.content.startswith(b"\xff\xd8")
        assert frame.content.endswith(b"\xff\xd9")
        assert _size(frame.content) == (frame.width, frame.height) == (320, 240)


def _size(jpeg: bytes) -> tuple[int, int]:
    """Width and height as the start of the frame tells them (ITU-T T.81, B.2.2)."""
    start = jpeg.index(b"\xff\xc0") + 5
    return int.from_bytes(jpeg[start + 2 : start + 4]), int.from_bytes(jpeg[start : start + 2])


def test_whoever_got_everything_behind_its_place_once_and_in_order_misses_nothing() -> None:
    assert delivered("A", 10, [12, 15, 16], [3, 10, 12, 15, 16]).complete


@pytest.mark.parametrize(
    ("received", "wrong"),
    [
        ([12, 16], ((15,), (), (), True)),
        ([12, 15, 15, 16], ((), (15,), (), False)),
        ([12, 15, 16, 17], ((), (), (17,), True)),
        ([10, 12, 15, 16], ((), (), (10,), True)),
        ([15, 12, 16], ((), (), (), False)),
    ],
)
def test_a_gap_a_double_a_stranger_and_disorder_are_each_found(
    received: list[int], wrong: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], bool]
) -> None:
    found = delivered("A", 10, received, [3, 10, 12, 15, 16])
    assert (found.missed, found.doubled, found.foreign, found.in_order) == wrong
    assert not found.complete


def test_latency_counts_each_subscriber_and_leaves_out_what_came_late_for_a_lost_line() -> None:
    watcher = Watcher("A", Subscription("http://127.0.0.1", "", "", {}))
    for position, arrived, resumed in ((5, 1.0, False), (6, 2.25, False), (7, 9.0, True)):
        event = {"position": position, "commandId": f"command {position}"}
        watcher.take(Frame(arrived, position, {"events": [event]}, resumed))
    sent = {"command 5": 0.5, "command 6": 2.0, "command 7": 3.0}
    assert latencies_ms([watcher, watcher], sent) == [250.0, 250.0, 500.0, 500.0]


def test_percentiles_are_values_that_were_measured() -> None:
    assert [percentile([1.0, 2.0, 3.0, 4.0], percent) for percent in (1, 50, 75, 99)] == [1.0, 2.0, 3.0, 4.0]
    assert percentile([], 50) == 0.0
