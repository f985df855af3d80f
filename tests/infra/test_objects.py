"""Objects are whole or not there, in a folder and in a bucket alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.objects import PART_BYTES, Objects
from infra.settings import Settings, SettingsRefused
from tests.infra.bucket import Bucket, served

BUCKET = {"TELEHEALTH_OBJECTS_URL": "s3://pictures"}


@pytest.fixture(params=["folder", "bucket"])
async def objects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Objects]:
    if request.param == "folder":
        yield Objects.in_folder(tmp_path / "objects")
        return
    async with served(Bucket()) as url:
        given = {
            **BUCKET,
            "TELEHEALTH_OBJECTS_ENDPOINT": url,
            "TELEHEALTH_OBJECTS_KEY_ID": "an id",
            "TELEHEALTH_OBJECTS_SECRET": "a secret",
        }
        yield Objects.open(Settings.from_env({**given, "TELEHEALTH_DATA": str(tmp_path)}))


async def test_an_object_is_kept_as_it_was_first_put(objects: Objects) -> None:
    def work() -> tuple[list[bool], bytes, bytes, int, list[str]]:
        put = [objects.put("a/b", b"first"), objects.put("a/b", b"second")]
        return put, objects.get("a/b"), objects.get_range("a/b", 1, 3), objects.size("a/b"), list(objects.names("a"))

    assert await asyncio.to_thread(work) == ([True, False], b"first", b"ir", 5, ["a/b"])


async def test_what_points_at_others_may_be_replaced_and_deleted(objects: Objects) -> None:
    def work() -> bytes:
        objects.replace("pointer", b"one")
        objects.replace("pointer", b"two")
        found = objects.get("pointer")
        objects.delete("pointer")
        objects.delete("pointer")
        return found

    assert await asyncio.to_thread(work) == b"two"
    for ask in (objects.get, objects.size):
        with pytest.raises(KeyError):
            await asyncio.to_thread(ask, "pointer")


async def test_an_upload_in_parts_appears_by_one_step(objects: Objects) -> None:
    content = bytes(range(256)) * (PART_BYTES // 256) + b"and a rest"

    def begin() -> None:
        upload = objects.upload("large")
        upload.write(content)
        with pytest.raises(KeyError):
            objects.size("large")
        upload.finish()

    await asyncio.to_thread(begin)
    assert await asyncio.to_thread(objects.get, "large") == content


def test_what_a_killed_process_began_to_send_is_dropped(tmp_path: Path) -> None:
    objects = Objects.in_folder(tmp_path)
    upload = objects.upload("r/0.seal")
    upload.write(bytes(PART_BYTES + 1))
    assert [each.name for each in (tmp_path / "r").iterdir()] == ["0.seal#1"]
    objects.drop_started("r/0.seal")
    assert list((tmp_path / "r").iterdir()) == []


def test_no_bucket_is_reached_abroad_by_accident() -> None:
    with pytest.raises(SettingsRefused, match="TELEHEALTH_OBJECTS_ENDPOINT"):
        Settings.from_env(BUCKET)
