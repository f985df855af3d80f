"""A figure: what was asked, what was reached, how much it scattered, and what limits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Runs:
    """The same thing measured several times."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(min(self.values))} to {number(max(self.values))})"


@dataclass(frozen=True)
class Asked:
    """A bound: `at_least` for what should be high, otherwise for what should be low."""

    value: float
    at_least: bool = True

    def met_by(self, reached: float) -> bool:
        return reached >= self.value if self.at_least else reached <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {number(self.value)}"


@dataclass(frozen=True)
class Figure:
    """One row of the table. `baseline` is what the same run reached in another way, `versus` names it."""

    name: str
    unit: str
    reached: Runs
    asked: Asked | None = None
    baseline: float | None = None
    versus: str = ""
    limit: str = ""
    details: dict[str, float | str] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        return None if self.asked is None else self.asked.met_by(self.reached.median)

    @property
    def ratio(self) -> float | None:
        return self.reached.median / self.baseline if self.baseline else None

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "unit": self.unit,
            "asked": str(self.asked) if self.asked else None,
            "met": self.met,
            "median": self.reached.median,
            "runs": list(self.reached.values),
            "ratio": self.ratio,
            "versus": self.versus or None,
            "limit": self.limit,
            **self.details,
        }


def number(value: float) -> str:
    """As a person would write it: three digits that count, and no more."""
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
