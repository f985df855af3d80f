"""Whatever was shipped can be read for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import new_class
from typing import Any

import pytest

from domain._kernel import EVENTS, Event, UnknownEvent, decode
from domain._personal import Label, Name
from tests.golden.shapes import FOLDER, file_of, golden, missing, refused, shipped
from tests.product import events

STORED = "golden_bed.opened"


@pytest.fixture(autouse=True)
def only_the_product() -> Iterator[None]:
    yield
    EVENTS.pop(STORED, None)


def bed_opened(version: int = 1, **fields: Any) -> type[Event]:
    """An event of no product, in the shape of the given fields."""
    EVENTS.pop(STORED, None)
    body = {"__annotations__": fields, "__module__": __name__, "__doc__": "A bed was opened."}
    made: type[Event] = new_class(
        "BedOpened", (Event,), {"name": STORED, "schema_version": version}, lambda space: space.update(body)
    )
    return made


def lock(kind: type[Event], folder: Path) -> None:
    for file, text in missing([kind], folder).items():
        file.write_text(text)


def test_no_shipped_shape_was_changed() -> None:
    assert list(refused(events())) == []


def test_every_event_of_today_is_locked() -> None:
    assert [file.name for file in missing(events())] == [], "run `make lock`"


@pytest.mark.parametrize("file", shipped().keys(), ids=lambda file: file.stem)
def test_every_shipped_event_can_be_read_today(file: Path) -> None:
    content = json.loads(file.read_text())
    event = decode(content["event"], content["schema_version"], json.dumps(content["example"]).encode())
    assert event.name == content["event"]
    assert file.name == f"{content['event']}.v{content['schema_version']}.json"
    if event.schema_version == content["schema_version"]:
        assert json.loads(event.to_json()) == content["example"], "it is written as it was read"


def test_every_version_of_an_event_was_locked() -> None:
    for event in events():
        for version in range(1, event.schema_version + 1):
            assert (FOLDER / f"{event.name}.v{version}.json").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"label": Label, "floor": int},
        {"label": Label | None},
        {"title": Label},
        {},
        {"label": int},
        {"label": Name},
    ],
    ids=["a field more", "a field that may be missing", "another name", "a field less", "another type", "personal"],
)
def test_a_shape_that_was_changed_without_a_new_version_is_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    lock(bed_opened(label=Label), tmp_path)
    (complaint,) = refused([bed_opened(**changed)], tmp_path)
    assert "raise the event's schema_version" in complaint


def test_a_new_version_is_locked_beside_the_old_one(tmp_path: Path) -> None:
    first, second = bed_opened(label=Label), bed_opened(2, label=Label, floor=int)
    lock(first, tmp_path)
    assert list(refused([second], tmp_path)) == []
    before = file_of(first, tmp_path).read_text()
    lock(second, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{STORED}.v1.json", f"{STORED}.v2.json"]
    assert file_of(first, tmp_path).read_text() == before


def test_an_event_that_is_gone_is_refused(tmp_path: Path) -> None:
    lock(bed_opened(label=Label), tmp_path)
    assert "keep the event" in next(refused([], tmp_path))


def test_a_version_that_went_back_is_refused(tmp_path: Path) -> None:
    lock(bed_opened(2, label=Label), tmp_path)
    assert "keep the event" in next(refused([bed_opened(label=Label)], tmp_path))


def test_a_mended_sentence_is_no_change_of_shape(tmp_path: Path) -> None:
    lock(bed_opened(label=Label), tmp_path)
    mended = bed_opened(label=Label)
    mended.__doc__ = "A bed was opened on the ward."
    mended.model_rebuild(force=True)
    assert list(refused([mended], tmp_path)) == []


def test_the_golden_file_tells_which_fields_are_personal() -> None:
    assert golden(bed_opened(label=Label, patient=Name))["personal"] == {"patient": "identity"}


class BedMoved(Event, name="golden_bed.moved", schema_version=2):
    """A bed was moved to a ward. At first wards had names; they were given codes later."""

    ward_code: str
    floor: int

    @staticmethod
    def upcast(fields: dict[str, Any], from_version: int) -> dict[str, Any]:
        return {"ward_code": {"Khoa Tim mạch": "C5"}[fields["ward"]], "floor": fields.get("floor", 1)}


def test_an_event_of_the_first_version_is_read_in_the_shape_of_the_second() -> None:
    old = json.dumps({"ward": "Khoa Tim mạch"}).encode()
    assert decode("golden_bed.moved", 1, old) == BedMoved(ward_code="C5", floor=1)


def test_an_event_of_today_is_not_upcast() -> None:
    assert decode("golden_bed.moved", 2, b'{"ward_code": "C5", "floor": 3}') == BedMoved(ward_code="C5", floor=3)


def test_an_event_of_a_version_to_come_is_left_to_those_who_know_it() -> None:
    with pytest.raises(UnknownEvent):
        decode("golden_bed.moved", 3, b'{"ward_code": "C5", "floor": 3, "bay": 2}')
