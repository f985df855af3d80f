"""Rows come back from the database with the types of their row model, in columns and inside JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypedDict
from uuid import UUID

import orjson
import pytest
from pydantic_core import to_json

from projections._restore import of_column
from projections._table import Row, Table


class Colour(StrEnum):
    RED = "red"


class Wheel(TypedDict):
    wheel_id: UUID
    seen_at: datetime | None
    size: Decimal
    colours: list[Colour]
    note: str


WHEEL = Wheel(
    wheel_id=UUID(int=7),
    seen_at=datetime(2020, 8, 27, 2, tzinfo=UTC),
    size=Decimal("1.50"),
    colours=[Colour.RED],
    note="-",
)


def stored(value: object) -> Any:
    return orjson.loads(to_json(value))


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (list[Wheel], [WHEEL, WHEEL]),
        (Wheel | None, WHEEL | {"seen_at": None}),
        (list[UUID], [UUID(int=1)]),
        (list[date], [date(2020, 8, 27)]),
        (Colour, Colour.RED),
    ],
)
def test_what_was_stored_as_json_is_what_it_was(hint: Any, value: object) -> None:
    restore = of_column(hint)
    assert restore is not None
    assert stored(value) != value or hint is Colour
    back = restore(stored(value))
    assert back == value
    assert repr(back) == repr(value)


@pytest.mark.parametrize("hint", [UUID, datetime | None, int, str, dict[str, Any], list[str], bool])
def test_what_the_driver_knows_is_left_alone(hint: Any) -> None:
    assert of_column(hint) is None


def test_a_row_is_read_with_its_types() -> None:
    @dataclass(slots=True, kw_only=True)
    class Car(Row):
        car_id: UUID
        colour: Colour | None
        wheels: list[Wheel]

    table = Table("car", Car, ("car_id",))
    values = {"position": 3, "car_id": UUID(int=1), "colour": None, "wheels": stored([WHEEL])}
    assert table.read(values.items()) == Car(position=3, car_id=UUID(int=1), colour=None, wheels=[WHEEL])
