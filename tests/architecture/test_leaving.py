"""No field leaves to analysts unless somebody decided how."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel

from domain._clinical import ClinicalCoding
from domain._kernel import Event, Metadata
from domain._leaving import Leaves
from domain._open import BY_CLASS, Way, undecided, ways_of
from domain._personal import Contact, DataClass, Label, Name, personal_fields
from domain._values import Count
from tests.product import events

TELL_HOW = "say how it leaves: give it a type of domain/_values.py such as Count, or a mark of domain/_leaving.py"


class Undecided(BaseModel):
    """Somebody added fields and thought of nothing."""

    kilos: Decimal
    words: str
    pieces: tuple[int, ...]
    anything: dict[str, str]
    either: int | str


class Decided(BaseModel):
    """Each of these is decided by its type or its mark."""

    bed_id: UUID
    at: AwareDatetime
    nights: Count
    label: Label
    guest: Name | None
    codes: tuple[ClinicalCoding, ...]
    inner: Undecided


@pytest.mark.parametrize("event", events(), ids=lambda event: event.name)
def test_of_every_field_it_is_decided_how_it_leaves(event: type[Event]) -> None:
    assert list(undecided(event)) == [], TELL_HOW


def test_of_the_whole_envelope_it_is_decided_how_it_leaves() -> None:
    assert list(undecided(Metadata)) == [], TELL_HOW


def test_a_field_that_nobody_decided_about_is_found_and_does_not_leave() -> None:
    assert list(undecided(Undecided)) == ["kilos", "words", "pieces", "anything", "either"]
    assert [name for name, way in ways_of(Undecided).items() if way.leaves] == []
    assert next(undecided(Decided)) == "inner.kilos"


def test_a_mark_decides_before_the_class_and_the_class_before_the_type() -> None:
    ways = ways_of(Decided)
    assert {name: way.how for name, way in ways.items()} == {
        "bed_id": Leaves.PSEUDONYM,
        "at": Leaves.TO_THE_MINUTE,
        "nights": Leaves.AS_IT_IS,
        "label": Leaves.DROPPED,
        "guest": Leaves.DROPPED,
        "codes": Leaves.CATEGORY,
        "inner": None,
    }
    assert ways["codes"].many
    assert ways["guest"].optional


def test_every_class_of_personal_data_has_its_way_and_none_leaves_by_itself() -> None:
    assert BY_CLASS.keys() == set(DataClass)
    assert set(BY_CLASS.values()) == {Leaves.DROPPED}


def leaving(ways: dict[str, Way], prefix: str = "") -> Iterator[tuple[str, Leaves]]:
    for name, way in ways.items():
        path = f"{prefix}{name}{'[]' if way.many else ''}"
        if way.inside is not None:
            yield from leaving(dict(way.inside), f"{path}.")
        elif way.how is not None:
            yield path, way.how


@pytest.mark.parametrize("event", events(), ids=lambda event: event.name)
def test_no_personal_field_leaves_as_it_is(event: type[Event]) -> None:
    hows = dict(leaving(dict(ways_of(event))))
    for path in personal_fields(event):
        how = hows.get(path) or hows[f"{path}[]"]
        assert how in (Leaves.DROPPED, Leaves.BIRTH_BAND, Leaves.CATEGORY), path


def test_a_contact_stays_in_whatever_stands_around_it() -> None:
    class Letter(BaseModel):
        to: tuple[Contact, ...]
        again: Contact | None

    assert {way.how for way in ways_of(Letter).values()} == {Leaves.DROPPED}
