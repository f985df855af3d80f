"""Did every subscriber get every event once, in order, and how soon? Judged against the log, not against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from infra.demo.watchers import Watcher


@dataclass(frozen=True, slots=True)
class Delivery:
    """What reached one subscriber, against what the log holds behind its first position."""

    name: str
    missed: tuple[int, ...]
    doubled: tuple[int, ...]
    foreign: tuple[int, ...]
    in_order: bool

    @property
    def complete(self) -> bool:
        return not (self.missed or self.doubled or self.foreign) and self.in_order


def delivered(name: str, since: int, received: Sequence[int], log: Sequence[int]) -> Delivery:
    """`log`: the positions of all events of the subscription, of any time."""
    due = [position for position in log if position > since]
    seen: set[int] = set()
    doubled: list[int] = []
    for position in received:
        (doubled.append if position in seen else seen.add)(position)
    return Delivery(
        name=name,
        missed=tuple(position for position in due if position not in seen),
        doubled=tuple(doubled),
        foreign=tuple(sorted(seen - set(due))),
        in_order=all(one < other for one, other in pairwise(received)),
    )


def deliveries(watchers: Sequence[Watcher], log: Sequence[int]) -> list[Delivery]:
    """One for each subscriber; one that was never told anything missed all."""
    return [delivered(one.name, one.since or 0, [told.position for told in one.told], log) for one in watchers]


def latencies_ms(watchers: Sequence[Watcher], sent: Mapping[str, float]) -> list[float]:
    """From the sending of a command to the arrival of its events, sorted; each subscriber and event counts once.

    What a subscriber missed while its line was down is left out: it measures the power cut, not the product.
    """
    found = [
        (told.arrived - sent[told.command_id]) * 1000
        for one in watchers
        for told in one.told
        if not told.late and told.command_id in sent
    ]
    return sorted(found)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0
