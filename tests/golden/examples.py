"""One example of every event, made from its types: the same in every run, with every field given.

Rules: an example is valid and tells by its text which field it stands in; nobody in it exists. A type whose values
have a form of their own is listed here with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import NAMESPACE_URL, UUID, uuid5

from annotated_types import Ge, Gt
from pydantic import AwareDatetime, BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from domain._kernel import Event, Value
from domain._live import Dot
from domain._sharing import SharingBasis
from domain._values import Blob, LinkQuality, Location, Period, Validity

# The launch day of the national telehealth centre, at nine in the morning.
MORNING = datetime(2020, 8, 27, 9, tzinfo=timezone(timedelta(hours=7)))
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BY_PATTERN = {r"^[0-9a-f]{64}$": SHA256, r"^[0-9]{2}$": "19", r"^[0-9]{3}$": "164", r"^[0-9]{5}$": "05512"}

VALUES: Mapping[type, Value] = {
    Period: Period(start=MORNING, end=MORNING + timedelta(hours=3)),
    Validity: Validity(first=date(2020, 1, 1), last=date(2024, 12, 31)),
    Blob: Blob(sha256=SHA256, media_type="application/dicom", size=921_600),
    Location: Location(latitude=Decimal("21.0015"), longitude=Decimal("105.8406")),
    SharingBasis: SharingBasis(consent_id=uuid5(NAMESPACE_URL, "consent_id")),
    Dot: Dot(x=Decimal("0.25"), y=Decimal("0.5"), at_ms=40),
    LinkQuality: LinkQuality(
        bitrate_kbps=4200,
        delay_ms=38,
        loss_percent=Decimal("0.2"),
        width=1920,
        height=1080,
        frames_per_second=Decimal(30),
    ),
}
PLAIN: Mapping[type, Any] = {
    bool: True,
    int: 1,
    Decimal: Decimal("1.5"),
    datetime: MORNING,
    AwareDatetime: MORNING,
    date: MORNING.date(),
}


def example_of(kind: type[Event]) -> Event:
    return kind(**_fields(kind))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {name: _of_field(name, field) for name, field in model.model_fields.items()}


def _of_field(name: str, field: FieldInfo) -> Any:
    return _of(field.annotation, name, tuple(field.metadata))


def _of(hint: Any, name: str, marks: tuple[Any, ...] = ()) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _of(arguments[0], name, (*_flat(arguments[1:]), *marks))
    if origin in (Union, UnionType):
        return _of(next(part for part in arguments if part is not NoneType), name, marks)
    if origin in (tuple, list, frozenset, set):
        return origin([_of(arguments[0], name)])
    if hint in VALUES:
        return VALUES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint(**_fields(hint))
    if hint is UUID:
        return uuid5(NAMESPACE_URL, name)
    if hint is str:
        return _text(name, marks)
    if hint is int:
        return max([1, *_at_least(marks)])
    if hint in PLAIN:
        return PLAIN[hint]
    raise TypeError(f"{name}: list an example of {hint} in VALUES")


def _flat(marks: tuple[Any, ...]) -> list[Any]:
    """`Field(ge=1)` in an annotation holds its marks in a list of its own."""
    return [one for mark in marks for one in (mark.metadata if isinstance(mark, FieldInfo) else [mark])]


def _at_least(marks: tuple[Any, ...]) -> list[int]:
    lowest: list[Any] = [mark.ge for mark in marks if isinstance(mark, Ge)]
    above: list[Any] = [mark.gt for mark in marks if isinstance(mark, Gt)]
    return [*lowest, *(bound + 1 for bound in above)]


def _text(name: str, marks: tuple[Any, ...]) -> str:
    patterns = [mark.pattern for mark in marks if isinstance(mark, StringConstraints) and mark.pattern]
    if patterns:
        return BY_PATTERN[str(patterns[0])]
    return name.replace("_", " ").capitalize()
