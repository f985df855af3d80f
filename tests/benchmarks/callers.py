"""Concurrent callers, each of whom asks again as soon as it is answered: how many answers in a second, how late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from tests.benchmarks.figure import percentile


@dataclass(frozen=True)
class Answered:
    """Latencies in seconds of everything that was asked within `wall` seconds."""

    latencies: Sequence[float]
    wall: float

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.wall

    def ms(self, share: float) -> float:
        return 1_000 * percentile(self.latencies, share)


async def asked_by(callers: int, total: int, ask: Callable[[int], Awaitable[object]]) -> Answered:
    """`ask` is called with 0 … total - 1; no two callers ever ask for the same number."""
    latencies: list[float] = []

    async def caller(first: int) -> None:
        for n in range(first, total, callers):
            began = perf_counter()
            await ask(n)
            latencies.append(perf_counter() - began)

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for first in range(callers):
            group.create_task(caller(first))
    return Answered(latencies, perf_counter() - began)


def asked_by_threads(callers: int, total: int, ask: Callable[[int], object]) -> Answered:
    """The same for what blocks."""
    latencies: list[float] = []
    failures: list[BaseException] = []

    def caller(first: int) -> None:
        try:
            for n in range(first, total, callers):
                began = perf_counter()
                ask(n)
                latencies.append(perf_counter() - began)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=caller, args=(first,)) for first in range(callers)]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Answered(latencies, perf_counter() - began)
