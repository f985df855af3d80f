"""Looks once a second at what is measured of each track, and tells when that crosses a limit.

Rules: a participant stands on the rung of its worst picture or sound; a picture that is shown to diagnose by is held
against the gate of the day; only crossings are told, the numbers themselves are metrics.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

from domain._reference import ReferenceData
from domain._values import local_day
from media.facts import GateCrossed, LegNumbers, RoomReporter, RungChanged
from media.ladder import Ladder
from media.quality_gate import Gate
from media.tracks import Kind, Measured, Track, TrackDescription


@dataclass(slots=True)
class Watched:
    """A participant on the line in one session: its ladder, and how many steps it took."""

    ladder: Ladder
    steps: int = 0


@dataclass(slots=True)
class Observation:
    """Of one worker; `look` is called once a second with all tracks that are published."""

    reporter: RoomReporter
    reference: ReferenceData
    _people: dict[tuple[UUID, UUID], Watched] = field(default_factory=dict)
    _gates: dict[UUID, tuple[Gate, int]] = field(default_factory=dict)

    def look(self, tracks: Iterable[Track], now: datetime | None = None) -> None:
        at = now or datetime.now(UTC)
        worst: dict[tuple[UUID, UUID], LegNumbers] = {}
        seen: set[UUID] = set()
        for track in tracks:
            about, numbers = track.description, numbers_of(track.measured())
            seen.add(about.track_id)
            who = about.session_id, about.participant_id
            worst[who] = _worse(worst.get(who), numbers)
            if about.kind is Kind.VIDEO:
                self._hold_to_the_gate(about, numbers, at)
        for who, numbers in worst.items():
            self._hold_to_the_ladder(who, numbers, at)
        self._people = {who: one for who, one in self._people.items() if who in worst}
        self._gates = {track_id: one for track_id, one in self._gates.items() if track_id in seen}

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

    def _hold_to_the_ladder(self, who: tuple[UUID, UUID], numbers: LegNumbers, at: datetime) -> None:
        one = self._people.setdefault(who, Watched(Ladder(self.reference.ladder(local_day(at)))))
        step = one.ladder.measured(numbers)
        if step is not None:
            one.steps += 1
            session_id, participant_id = who
            told = RungChanged(
                session_id, at, participant_id, one.steps, step.now.value, step.cause.value, step.measured
            )
            self.reporter.tell(told)


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
    )


def _worse(one: LegNumbers | None, other: LegNumbers) -> LegNumbers:
    """The worst of two tracks of one way; its bit rate is that of both, its frames those of the picture."""
    if one is None:
        return other
    frames = [numbers.frames_per_second for numbers in (one, other) if numbers.frames_per_second]
    return LegNumbers(
        bitrate_kbps=one.bitrate_kbps + other.bitrate_kbps,
        loss_percent=max(one.loss_percent, other.loss_percent),
        rtt_ms=max(one.rtt_ms, other.rtt_ms),
        jitter_ms=max(one.jitter_ms, other.jitter_ms),
        width=max(one.width, other.width),
        height=max(one.height, other.height),
        frames_per_second=min(frames, default=0.0),
    )
