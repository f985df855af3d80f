"""The visitors of a demonstration: what they show, and that they come back as every client has to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from infra.demo.day import NotAsItMustBe
from infra.demo.live.visitor import Visitors, visitors
from infra.media_tokens import MediaRole, Source
from infra.settings import Settings
from media.tracks import Ended
from media.visitors.clip import pictures
from media.visitors.scene import CAMERA_SIZE, FRAMES_PER_SECOND, SCAN_SIZE, Camera, NoPictures, Scan
from tests.media.ward import Ward


def loop(name: str) -> Path:
    path = get_testdata_file(name + ".dcm", download=False)
    assert isinstance(path, str)
    return Path(path)


def test_each_camera_is_another_and_moves_and_says_whose_it_is() -> None:
    one, other = Camera("Bệnh viện C Thái Nguyên", 0), Camera("Bệnh viện Đa khoa Hùng Vương", 1)
    assert one.picture(0).shape == (CAMERA_SIZE[1], CAMERA_SIZE[0], 3)
    assert np.array_equal(one.picture(7), one.picture(7 + one.count))
    assert not np.array_equal(one.picture(7), one.picture(8))
    assert not np.array_equal(one.picture(7), other.picture(7))
    named, unnamed = Camera("Bệnh viện C Thái Nguyên", 0), Camera("", 0)
    assert not np.array_equal(named.picture(0)[-46:], unnamed.picture(0)[-46:])


def test_a_loop_keeps_its_form_and_speed() -> None:
    scan = Scan(loop("examples_ybr_color"))
    assert scan.picture(0).shape == (SCAN_SIZE[1], SCAN_SIZE[0], 3)
    assert not scan.picture(0)[:, :100].any(), "240 lines of 320 points leave bars at the sides"
    assert scan.picture(0)[:, 200:-200].any()
    assert scan.count == 15, "30 pictures at 30 a second are one second"
    assert not np.array_equal(scan.picture(0), scan.picture(1))


def test_a_clip_begins_anew_with_a_key_picture_each_second() -> None:
    packets = pictures(Camera("", 0), 300)
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [
        *range(0, len(packets), FRAMES_PER_SECOND)
    ]


def test_what_is_no_picture_is_refused_with_its_name(tmp_path: Path) -> None:
    text = tmp_path / "report.txt"
    text.write_text("no picture")
    with pytest.raises(NoPictures, match=r"report\.txt is neither DICOM nor a video"):
        Scan(text)
    with pytest.raises(NoPictures, match="cannot be read"):
        Scan(tmp_path / "nowhere.dcm")


async def some(tmp_path: Path, count: int) -> Visitors:
    return await visitors(Settings(data=tmp_path), count)


async def test_a_source_is_seen_and_whoever_was_thrown_out_comes_back(ward: Ward, tmp_path: Path) -> None:
    family = await some(tmp_path, 2)
    try:
        camera = family.take("point", "camera", lambda told: None)
        audience = family.take("audience", "audience", lambda told: None)
        await camera.ask(show={"name": "Bệnh viện C Thái Nguyên", "number": 0, "scan": None})
        await camera.ask(publish={"url": ward.whip(), "token": ward.token()})
        await ward.until(lambda: len(ward.engine.rooms[ward.session_id].tracks) == 2)
        await audience.ask(begin={"decodes": False})
        lost: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        audience.lost = lost.set_result
        door = {"url": ward.whep(), "token": ward.token(MediaRole.VIEWER)}
        await audience.ask(watch=[{"name": "Lào Cai", "place": "camera", "sound": False, **door}])
        viewer = next(iter(ward.engine.rooms[ward.session_id].viewers.values()))
        await viewer.close(Ended.LOST)
        assert await asyncio.wait_for(lost, 60) == {"name": "Lào Cai", "place": "camera"}
        audience.say(again={"name": "Lào Cai", "place": "camera", **door})
        (seen,) = await audience.ask(**{"leave camera": "camera"})
        assert seen["moves"]
        assert (seen["returns"], seen["pictures"] > 1) == (1, True)
        told = await camera.ask(end=True)
        assert told["pictures"] >= seen["pictures"]
    finally:
        await family.close()


async def test_a_visitor_that_is_refused_ends_with_the_reason(ward: Ward, tmp_path: Path) -> None:
    family = await some(tmp_path, 1)
    try:
        camera = family.take("point", "the camera of Sa Pa", lambda told: None)
        await camera.ask(show={"name": "Sa Pa", "number": 0, "scan": None})
        watching = ward.token(MediaRole.VIEWER)
        with pytest.raises(NotAsItMustBe, match=r"the camera of Sa Pa: 403.*SOURCE_NOT_GRANTED"):
            await camera.ask(publish={"url": ward.whip(Source.CAMERA), "token": watching})
    finally:
        await family.close()


async def test_whoever_is_cut_off_says_nothing_any_more_and_the_others_go_on(tmp_path: Path) -> None:
    family = await some(tmp_path, 2)
    try:
        one = family.take("audience", "one", lambda told: None)
        other = family.take("audience", "other", lambda told: None)
        await one.ask(begin={"decodes": False})
        await one.cut()
        with pytest.raises(NotAsItMustBe, match="one ended"):
            await one.ask(begin={"decodes": False})
        await other.ask(begin={"decodes": True})
    finally:
        await family.close()
