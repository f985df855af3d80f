"""Looks once a second at what is measured of each line, tells when that crosses a limit, and has it acted upon.

Rules: a participant has one line, with all that it sends and all that is sent to it, and stands on the rung of the
worst of them; what the worker was too late to measure says nothing of a line; each step is told once and acted upon at
once, in this order, so that nothing is held back for which there is no fact; a picture that is shown to diagnose by is
held against the gate of the day; only crossings are told, the numbers themselves are metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol
from uuid import UUID

from domain._live import Rung
from domain._reference import ReferenceData
from domain._values import local_day
from infra.media_tokens import Grant
from media.facts import GateCrossed, LegNumbers, RoomReporter, RungChanged
from media.ladder import Ladder
from media.quality_gate import Gate
from media.tracks import Kind, Measured, Track, TrackDescription

Who = tuple[UUID, UUID]
"""A live session, and a participant in it."""
LATE_MS = 20.0
"""A worker whose own clock comes later than this measures itself."""


class Watching(Protocol):
    """A connection over which something is sent to a participant."""

    @property
    def grant(self) -> Grant: ...

    def measured(self) -> LegNumbers | None: ...


Act = Callable[[UUID, UUID, Rung, RungChanged | None], None]


Standing = Callable[[UUID, UUID], Rung | None]


def nowhere(session_id: UUID, participant_id: UUID) -> Rung | None:
    """For who only looks."""
    return None


def nothing_follows(session_id: UUID, participant_id: UUID, rung: Rung, told: RungChanged | None) -> None:
    """For who only looks."""


@dataclass(slots=True)
class Watched:
    """A participant on the line in one session: its ladder, and how many steps it took."""

    ladder: Ladder
    steps: int = 0


@dataclass(slots=True)
class Observation:
    """Of one worker; `look` is called once a second with all that is published and watched. `act` carries a step out,
    and is told of a participant who is gone with the rung that everybody begins on; `standing` says on which rung the
    engine has somebody, who may have left and come back between two looks."""

    reporter: RoomReporter
    reference: ReferenceData
    act: Act = nothing_follows
    standing: Standing = nowhere
    _people: dict[Who, Watched] = field(default_factory=dict)
    _gates: dict[UUID, tuple[Gate, int]] = field(default_factory=dict)

    def look(
        self,
        tracks: Iterable[Track],
        now: datetime | None = None,
        watching: Iterable[Watching] = (),
        late_ms: float = 0.0,
    ) -> None:
        at = now or datetime.now(UTC)
        worst: dict[Who, LegNumbers] = {}
        seen: set[UUID] = set()
        for track in tracks:
            about, measured = track.description, track.measured()
            numbers = numbers_of(measured)
            seen.add(about.track_id)
            who = about.session_id, about.participant_id
            worst[who] = _worse(worst.get(who), numbers)
            if about.kind is Kind.VIDEO:
                self._hold_to_the_gate(about, numbers, at)
        for one in watching:
            found = one.measured()
            who = one.grant.session_id, one.grant.participant_id
            if found is not None:
                worst[who] = _worse(worst.get(who), found)
            elif who in self._people:
                # Nothing is sent, perhaps since the rung allows nothing: then that is tried again after a while.
                worst.setdefault(who, UNTRIED)
        if late_ms < LATE_MS:
            for who, numbers in worst.items():
                self._hold_to_the_ladder(who, numbers, at)
        self._forget(worst.keys(), seen)

    def _forget(self, people: Iterable[Who], tracks: set[UUID]) -> None:
        for who in self._people.keys() - set(people):
            del self._people[who]
            self.act(*who, Rung.TWO_WAY_HD, None)
        self._gates = {track_id: one for track_id, one in self._gates.items() if track_id in tracks}

    def _hold_to_the_gate(self, about: TrackDescription, numbers: LegNumbers, at: datetime) -> None:
        day = local_day(at)
        gate, crossed = self._gates.get(about.track_id) or (self._gate(day), 0)
        label = gate.measured(numbers)
        if label is not None:
            crossed += 1
            self.reporter.tell(GateCrossed(about.session_id, at, about.track_id, crossed, label, numbers))
        self._gates[about.track_id] = gate, crossed

    def _gate(self, day: date) -> Gate:
        return Gate(lambda measured: self.reference.diagnostic_quality(measured, day))

    def _hold_to_the_ladder(self, who: Who, numbers: LegNumbers, at: datetime) -> None:
        one = self._people.get(who)
        if one is None or self.standing(*who) not in (None, one.ladder.rung):
            one = self._people[who] = Watched(Ladder(self.reference.ladder(local_day(at))))
        step = one.ladder.measured(numbers)
        if step is not None:
            one.steps += 1
            session_id, participant_id = who
            told = RungChanged(
                session_id, at, participant_id, one.steps, step.now.value, step.cause.value, step.measured
            )
            self.reporter.tell(told)
            self.act(session_id, participant_id, step.now, told)


UNTRIED = LegNumbers(0, 0.0, 0, line_limits=False)


def numbers_of(measured: Measured) -> LegNumbers:
    """What the engine measured, in the units of facts. What a repair could not bring back is what was lost."""
    return LegNumbers(
        bitrate_kbps=round(measured.kbit_per_second),
        loss_percent=100 * measured.loss_after,
        rtt_ms=round(measured.rtt_ms or 0),
        jitter_ms=round(measured.jitter_ms),
        width=measured.width,
        height=measured.height,
        frames_per_second=measured.frames_per_second,
        capacity_kbps=None if measured.capacity_kbit is None else round(measured.capacity_kbit),
        line_limits=measured.line_limits,
    )


def _worse(one: LegNumbers | None, other: LegNumbers) -> LegNumbers:
    """The worst of two parts of one line; its bit rate is that of both, its frames those of the picture."""
    if one is None:
        return other
    frames = [numbers.frames_per_second for numbers in (one, other) if numbers.frames_per_second]
    known = [numbers.capacity_kbps for numbers in (one, other) if numbers.capacity_kbps is not None]
    return LegNumbers(
        bitrate_kbps=one.bitrate_kbps + other.bitrate_kbps,
        loss_percent=max(one.loss_percent, other.loss_percent),
        rtt_ms=max(one.rtt_ms, other.rtt_ms),
        jitter_ms=max(one.jitter_ms, other.jitter_ms),
        width=max(one.width, other.width),
        height=max(one.height, other.height),
        frames_per_second=min(frames, default=0.0),
        capacity_kbps=min(known, default=None),
        line_limits=one.line_limits or other.line_limits,
    )
