"""Which fields hold personal data, and of which class: told by their type, from the first event on.

The mark is all that a mapper needs to seal a field with the key of its patient and class (Law 91/2025, Art 14), and
all that an analyst's stream needs to leave it out or make it coarse (_open.py). A field without a mark stays in clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints

from domain._leaving import Leaves
from domain._values import ONE_LINE, PROSE


class DataClass(StrEnum):
    """The classes for which a patient has one key each."""

    IDENTITY = "identity"
    CONTACT = "contact"
    CLINICAL = "clinical"
    MEDIA = "media"


@dataclass(frozen=True)
class Personal:
    """The mark in an annotation: this field holds personal data of this class."""

    of: DataClass


def _text(longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


Name = Annotated[str, _text(200), ONE_LINE, Personal(DataClass.IDENTITY)]
IdentityNumber = Annotated[str, _text(64), ONE_LINE, Personal(DataClass.IDENTITY)]
BirthDate = Annotated[date, Personal(DataClass.IDENTITY), Leaves.BIRTH_BAND]
Contact = Annotated[str, _text(400), PROSE, Personal(DataClass.CONTACT)]
ClinicalText = Annotated[str, _text(20_000), PROSE, Personal(DataClass.CLINICAL)]

# Texts that are about the work and not about a patient are no personal data. That nobody ever writes a name into one
# cannot be promised, so they leave only where a field says so.
Label = Annotated[str, _text(200), ONE_LINE, Leaves.DROPPED]
Reason = Annotated[str, _text(2_000), PROSE, Leaves.DROPPED]


def personal_fields(model: type[BaseModel]) -> Mapping[str, DataClass]:
    """The marked fields of an event or value, as dotted paths; `[]` stands for each element of a list."""
    return dict(_marked(model, ""))


def _marked(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, DataClass]]:
    for name, field in model.model_fields.items():
        path = prefix + name
        marks = [mark for mark in field.metadata if isinstance(mark, Personal)]
        if marks:
            yield path, marks[-1].of
        else:
            yield from _inside(field.annotation, path)


def _inside(annotation: Any, path: str) -> Iterator[tuple[str, DataClass]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _marked(annotation, path + ".")
        return
    repeated = getattr(annotation, "__origin__", None) in (list, tuple, frozenset, set)
    for inner in getattr(annotation, "__args__", ()):
        for mark in getattr(inner, "__metadata__", ()):
            if isinstance(mark, Personal):
                yield path, mark.of
        yield from _inside(inner, path + "[]" if repeated else path)
