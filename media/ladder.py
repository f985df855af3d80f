"""Which rung of the degradation ladder a way can hold, decided from what is measured every second.

Rules: sound outlives the picture, and one rung is taken at a time; down after a few bad seconds, up only after many
good ones and with a margin, and later still when the last rise did not hold, so that a way on the edge does not swing;
the limits of the rungs are reference data of the day. Pure: seconds come in as measurements, nothing here has a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from domain._live import Rung, StepCause
from domain._reference import LadderRung
from media.facts import LegNumbers

DOWN_AFTER, UP_AFTER, LONGEST_WAIT = 3, 10, 160
# A rise that is undone within so many seconds was a mistake, and the next one waits twice as long.
TOO_SOON = 30
HEADROOM = 1.25

WITH_A_PICTURE = frozenset({Rung.TWO_WAY_HD, Rung.LOW})
WITH_SOUND = WITH_A_PICTURE | {Rung.AUDIO}


@dataclass(frozen=True, slots=True)
class Step:
    """From one rung to the one beside it, for this cause, with the numbers of the second that decided."""

    before: Rung
    now: Rung
    cause: StepCause
    measured: LegNumbers


@dataclass(slots=True)
class Ladder:
    """One way of one participant. `measured` is asked once a second."""

    rungs: Sequence[LadderRung]
    rung: Rung = Rung.TWO_WAY_HD
    _bad: int = 0
    _good: int = 0
    _since_rise: int | None = None
    _patience: int = field(default=UP_AFTER)

    def measured(self, numbers: LegNumbers) -> Step | None:
        """Take in a second; the answer is the step that it leads to."""
        if self._since_rise is not None:
            self._since_rise += 1
            if self._since_rise > TOO_SOON:
                self._since_rise, self._patience = None, UP_AFTER
        broken = next(self._broken(self.rung, numbers), None)
        better = self._above()
        self._bad = self._bad + 1 if broken is not None else 0
        rises = broken is None and better is not None and not any(self._broken(better, numbers, HEADROOM))
        self._good = self._good + 1 if rises else 0
        if broken is not None and self._bad >= DOWN_AFTER:
            return self._step(list(Rung)[self.rung.place + 1], broken, numbers)
        if better is not None and self._good >= self._patience:
            return self._step(better, StepCause.RECOVERED, numbers)
        return None

    def _step(self, now: Rung, cause: StepCause, numbers: LegNumbers) -> Step:
        step = Step(self.rung, now, cause, numbers)
        if cause is StepCause.RECOVERED:
            self._since_rise = 0
        elif self._since_rise is not None:
            self._since_rise, self._patience = None, min(2 * self._patience, LONGEST_WAIT)
        self.rung, self._bad, self._good = now, 0, 0
        return step

    def _above(self) -> Rung | None:
        return list(Rung)[self.rung.place - 1] if self.rung.place else None

    def _broken(self, rung: Rung, numbers: LegNumbers, headroom: float = 1.0) -> Iterator[StepCause]:
        """The limits of this rung that these numbers do not keep. The last rung has none: words and stills get through.

        Where no frame comes there is no picture now, and frames say nothing of what the way could carry; nor does the
        bit rate of a picture in which nothing moves, so only what the way could carry counts, where that is known.
        """
        limits = next((one for one in self.rungs if one.rung is rung), None)
        if limits is None:
            return
        if numbers.loss_percent * headroom > limits.max_loss_percent:
            yield StepCause.LOSS
        if numbers.rtt_ms * headroom > limits.max_rtt_ms:
            yield StepCause.DELAY
        if numbers.jitter_ms * headroom > limits.max_jitter_ms:
            yield StepCause.JITTER
        if numbers.capacity_kbps is not None and numbers.capacity_kbps < limits.min_bitrate_kbps * headroom:
            yield StepCause.BITRATE
        if numbers.line_limits and 0 < numbers.frames_per_second < limits.min_frames_per_second:
            yield StepCause.FRAMES
