"""Rows into commands: what is new is registered, what differs is revised, what is known already is left alone.

Rules: a facility is known by its national code, or by the one that it had before (`former_code`), and keeps its
identity whatever else changes; whom the log does not know gets an id that follows from the code. The ids of commands
follow from the facility and what is said of it, so an import that is broken off is simply started again. A row is
refused by the same rules and with the same codes as anybody's command.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid5

from pydantic import ValidationError

from commands._bus import Accepted, Bus, EventStore, Rejected, Unavailable, fingerprint_of
from commands._command import Command, Context, decide
from commands.facility import RegisterFacility, ReviseFacility
from domain._kernel import DomainError
from domain._values import Tier
from domain.facility import Facility, UnknownProvince
from infra.register.rows import Bad, Row, in_waves

FACILITIES = UUID("3c0f4f6e-7b0e-5c3a-9a51-1a7e6d0c2f01")
AT_ONCE = 384
AS_GIVEN = ("national_code", "name_vi", "name_en", "district_code", "district", "commune_code")

Progress = Callable[[int], None]


class Outcome(StrEnum):
    """What became of a row."""

    REGISTERED = "registered"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    BAD = "bad"


@dataclass
class Known:
    """The facilities of the log by their national codes, and those of them that were looked at."""

    ids: dict[str, UUID]
    states: dict[UUID, Facility] = field(default_factory=dict)
    versions: dict[UUID, int] = field(default_factory=dict)

    def id_of(self, row: Row) -> UUID:
        codes = (row.code, row.given.get("former_code", ""))
        return next((self.ids[code] for code in codes if code in self.ids), id_of(row.code))


@dataclass
class Import:
    """One run over a file. With `dry_run` everything is decided and nothing is sent."""

    store: EventStore
    bus: Bus
    context: Context
    known: Known
    default_tier: Tier | None = None
    dry_run: bool = False
    progress: Progress = lambda rows: None
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    async def run(self, rows: Sequence[Row]) -> Counter[Outcome]:
        """How many rows became what. `bad` and `notes` of the rows tell the rest."""
        self._refuse_doubled_identities(rows)
        for wave in in_waves(rows):
            for start in range(0, len(wave), AT_ONCE):
                part = wave[start : start + AT_ONCE]
                await self._look_at(part)
                await asyncio.gather(*(self._take(row) for row in part))
                self.progress(len(part))
        for row in rows:
            if row.bad is not None:
                self.outcomes[row.line] = Outcome.BAD
        return Counter(self.outcomes.values())

    def _refuse_doubled_identities(self, rows: Sequence[Row]) -> None:
        first: dict[UUID, Row] = {}
        ids = dict(self.known.ids)
        for row in (row for row in rows if row.bad is None):
            id_ = self.known.id_of(row)
            other = first.setdefault(id_, row)
            if other is not row:
                row.bad = Bad("FACILITY_TWICE", f"line {other.line} is about the same facility")
            elif ids.setdefault(row.code, id_) != id_:
                row.bad = Bad("CODE_IN_USE", f"{row.code} is the national code of another facility")
        self.known.ids = ids

    async def _look_at(self, rows: Sequence[Row]) -> None:
        """Fold what the log has of these facilities, and of those that they belong to."""
        wanted = {self.known.id_of(row) for row in rows} | {id_ for row in rows if (id_ := self._parent(row))}
        missing = sorted(wanted - self.known.states.keys())
        for id_, history in (await self.store.load(dict.fromkeys(missing, 0))).items():
            self.known.states[id_] = Facility().after(recorded.event for recorded in history)
            self.known.versions[id_] = history[-1].version

    def _parent(self, row: Row) -> UUID | None:
        code = row.given.get("parent_code")
        return None if code is None else self.known.ids.get(code, id_of(code))

    async def _take(self, row: Row) -> None:
        try:
            command = self._command(row)
            state = self.known.states.get(command.facility_id, Facility())
            parent = command.parent_id
            events = decide(
                command, state, self.context, {"parent": {parent: self.known.states[parent]} if parent else {}}
            )
        except DomainError as refusal:
            row.bad = Bad(refusal.code, str(refusal))
            return
        except ValidationError as fault:
            row.bad = _told(fault)
            return
        if events and not self.dry_run:
            answer = await self._send(command)
            if isinstance(answer, Rejected):
                row.bad = Bad(answer.code, answer.message)
                return
        self.known.states[command.facility_id] = state.after(events)
        new = Outcome.REGISTERED if isinstance(command, RegisterFacility) else Outcome.CHANGED
        self.outcomes[row.line] = new if events else Outcome.UNCHANGED

    def _command(self, row: Row) -> RegisterFacility | ReviseFacility:
        """Raises DomainError, or pydantic's ValidationError."""
        id_, given = self.known.id_of(row), row.given
        known = self.known.states.get(id_)
        entry: dict[str, object] = {name: given[name] for name in AS_GIVEN if name in given}
        entry |= {"facility_id": id_, **self._place(row), **self._parent_of(row)}
        # Of a known facility the default says nothing.
        tier = row.tier(self.default_tier if known is None else None)
        if tier is not None:
            entry["tier"] = tier
        if known is None:
            return RegisterFacility.model_validate(entry)
        if given["name_vi"].casefold() == known.name.casefold():
            entry["name_vi"] = known.name  # Another way of writing capitals is no other name.
        return ReviseFacility.model_validate(entry)

    def _parent_of(self, row: Row) -> dict[str, object]:
        parent = self._parent(row)
        if parent in self.known.states:
            return {"parent_id": parent}
        if parent is not None:
            row.notes.append(f"{row.given['parent_code']} is not in the register, so it belongs to none yet")
        return {}

    def _place(self, row: Row) -> dict[str, object]:
        given = row.given
        province = self.context.reference.province(given["province_code"], self.context.day)
        if province is None:
            raise UnknownProvince(code=given["province_code"], day=self.context.day)
        place: dict[str, object] = {"province_code": province.code, "province": given.get("province", province.name_vi)}
        if "latitude" in given:
            place["location"] = {"latitude": given["latitude"], "longitude": given["longitude"]}
        return place

    async def _send(self, command: Command) -> Accepted | Rejected:
        # A revision follows from what it revises: back to an earlier entry is another command than the one to it.
        version = self.known.versions.get(command.stream_id, 0)
        command_id = uuid5(command.stream_id, f"{version} {fingerprint_of(command).hex()}")
        while True:
            try:
                return await self.bus.handle(command, self.context, command_id)
            except Unavailable as fault:
                await asyncio.sleep(fault.retry_after)


def id_of(national_code: str) -> UUID:
    """The id of a facility that the log does not know yet."""
    return uuid5(FACILITIES, national_code)


def _told(fault: ValidationError) -> Bad:
    """What pydantic found, in one sentence with the names of the columns."""
    errors = fault.errors(include_url=False)
    if any(one["loc"] == ("tier",) for one in errors):
        return Bad("TIER_UNKNOWN", "neither tier nor kind tells of which tier it is; --default-tier would")
    return Bad("NOT_VALID", "; ".join(f"{'.'.join(map(str, one['loc'])) or 'row'}: {one['msg']}" for one in errors))
