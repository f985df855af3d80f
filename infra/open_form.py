"""An event in its open form: what of it leaves to analysts, as the marks on the event say (domain/_open.py).

Rules: every position leaves, so that completeness can be proved, but of its fields only what is decided to. A pseudonym
is a keyed hash of the id, the same wherever the id stands and as long as the release's key is the same; nobody without
the key can make it or lead it back. The open form is always made from today's shape of the event. An event that
cannot be read here leaves with its name alone, as schema version 0.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError, create_model

from domain._catalogue import every_event
from domain._kernel import EVENTS, Event, Metadata, UnknownEvent, Value, decode
from domain._leaving import Leaves
from domain._open import Way, ways_of
from domain._values import Code
from infra.mapper import Stored

WITHHELD = 0
BAND_YEARS = 10
# Who is older is one of so few that the band would name them.
OLDEST_BAND = 1930
ICD_CATEGORY = re.compile(r"[A-Z][0-9][0-9A-Z]")

Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")]
BirthBand = Annotated[str, StringConstraints(pattern=r"^([0-9]{4}-[0-9]{4}|before [0-9]{4})$")]


class Category(Value):
    """A diagnosis by its category of three characters; of other code systems only which one it is."""

    system: Code
    version: Code
    category: Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9][0-9A-Z]$")] | None = None


class OpenEvent(BaseModel):
    """A fact in its open form: the fields that leave, under the names that they have in the event."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


TYPES: Mapping[Leaves, Any] = {
    Leaves.PSEUDONYM: UUID,
    Leaves.TO_THE_MINUTE: AwareDatetime,
    Leaves.TO_THE_MONTH: Month,
    Leaves.BIRTH_BAND: BirthBand,
    Leaves.CATEGORY: Category,
}


# The shape ---------------------------------------------------------------------------------------------------


@cache
def open_model(model: type[BaseModel]) -> type[BaseModel]:
    """The shape of the open form of an event or value."""
    fields: dict[str, Any] = {}
    repeated: Any = tuple
    for name, way in ways_of(model).items():
        if way.leaves:
            hint = _open_type(way)
            hint = repeated[hint, ...] if way.many else hint
            fields[name] = (hint | None, None) if way.optional else (hint, ...)
    base: Any = OpenEvent if issubclass(model, Event) else Value
    return create_model(model.__name__, __base__=base, __doc__=model.__doc__, __module__=__name__, **fields)


def _open_type(way: Way) -> Any:
    if way.inside is not None:
        return open_model(way.hint)
    return way.hint if way.how is Leaves.AS_IT_IS else TYPES[way.how or Leaves.DROPPED]


def open_event(name: str, schema_version: int, state: bytes) -> OpenEvent | None:
    """The open form that was sent under this name; None for one that was withheld.

    Raises UnknownEvent, or pydantic's ValidationError.
    """
    if schema_version == WITHHELD:
        return None
    kind = EVENTS.get(name)
    if kind is None or schema_version != kind.schema_version:
        raise UnknownEvent(f"the open form of {name} of schema version {schema_version}")
    found = open_model(kind).model_validate_json(state)
    assert isinstance(found, OpenEvent)
    return found


# The content -------------------------------------------------------------------------------------------------

Change = Callable[[Any], Any]


class OpenForm:
    """Makes open forms with the key of one release."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._pseudonym = lru_cache(maxsize=200_000)(self._make_pseudonym)
        self._changes: dict[type[BaseModel], Mapping[str, Change]] = {}
        every_event()

    def of(self, stored: Stored) -> Stored:
        """The row as it leaves: same position, version and name; pseudonyms, coarse times and what may leave."""
        return replace(
            stored,
            stream_id=UUID(self.pseudonym(str(stored.stream_id))),
            metadata=orjson.dumps(self._opened(Metadata, orjson.loads(stored.metadata))),
            recorded_at=stored.recorded_at.replace(second=0, microsecond=0),
            **self._content(stored),
        )

    def pseudonym(self, id_: str) -> str:
        return self._pseudonym(id_)

    def _make_pseudonym(self, id_: str) -> str:
        digest = bytearray(hmac.digest(self._key, b"telehealth/pseudonym/v1\0" + UUID(id_).bytes, "sha256")[:16])
        digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80  # A UUID of version 8.
        return str(UUID(bytes=bytes(digest)))

    def _content(self, stored: Stored) -> dict[str, Any]:
        try:
            event = decode(stored.name, stored.schema_version, stored.state)
        except (UnknownEvent, ValidationError):
            return {"state": b"{}", "schema_version": WITHHELD}
        fields = self._opened(type(event), orjson.loads(event.to_json()))
        return {"state": orjson.dumps(fields), "schema_version": event.schema_version}

    def _opened(self, model: type[BaseModel], fields: Mapping[str, Any]) -> dict[str, Any]:
        changes = self._changes.get(model)
        if changes is None:
            changes = {name: self._change(way) for name, way in ways_of(model).items() if way.leaves}
            self._changes[model] = changes
        return {name: _given(change, fields[name]) for name, change in changes.items() if name in fields}

    def _change(self, way: Way) -> Change:
        one = partial(self._opened, way.hint) if way.inside is not None else self._simple(way.how)
        return (lambda values: [one(value) for value in values]) if way.many else one

    def _simple(self, how: Leaves | None) -> Change:
        # What is dropped stands in no table: it could not be asked for by mistake.
        ways: Mapping[Leaves | None, Change] = {
            Leaves.AS_IT_IS: lambda value: value,
            Leaves.PSEUDONYM: self.pseudonym,
            Leaves.TO_THE_MINUTE: _to_the_minute,
            Leaves.TO_THE_MONTH: lambda value: value[:7],
            Leaves.BIRTH_BAND: _birth_band,
            Leaves.CATEGORY: _category,
        }
        return ways[how]


def _given(change: Change, value: Any) -> Any:
    return None if value is None else change(value)


def _to_the_minute(value: str) -> str:
    return datetime.fromisoformat(value).replace(second=0, microsecond=0).isoformat()


def _birth_band(value: str | int) -> str:
    year = int(str(value)[:4])
    first = year // BAND_YEARS * BAND_YEARS
    return f"{first}-{first + BAND_YEARS - 1}" if first >= OLDEST_BAND else f"before {OLDEST_BAND}"


def _category(coding: Mapping[str, Any]) -> dict[str, Any]:
    found = ICD_CATEGORY.match(coding["code"]) if coding["system"].startswith("icd-10") else None
    return {"system": coding["system"], "version": coding["version"], "category": found[0] if found else None}
