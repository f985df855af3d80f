"""Chance that can be asked again: draws that follow from names, and from nothing else.

Rules: no state is shared, so that any case of any day can be made without those before it; a draw costs a part of a
hash, and a hundred thousand open cases a few megabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import cos, exp, log, pi, sqrt
from typing import TypeVar

T = TypeVar("T")

WORD = 8
WHOLE = float(1 << 64)


class Chance:
    """The draws of one case, person or place, always in the same order."""

    __slots__ = ("_key", "_left", "_turn")

    def __init__(self, *names: object) -> None:
        self._key = blake2b("\0".join(map(str, names)).encode(), digest_size=32).digest()
        self._turn, self._left = 0, b""

    def draw(self) -> float:
        """From 0 up to, not including, 1."""
        if not self._left:
            self._left = blake2b(self._turn.to_bytes(WORD, "big"), key=self._key).digest()
            self._turn += 1
        word, self._left = self._left[:WORD], self._left[WORD:]
        # The highest words would be rounded up to 1.
        return (int.from_bytes(word, "big") >> 11 << 11) / WHOLE

    def below(self, end: int) -> int:
        return int(self.draw() * end)

    def between(self, least: int, most: int) -> int:
        """Both included."""
        return least + self.below(most - least + 1)

    def happens(self, share: float) -> bool:
        return self.draw() < share

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def weighed(self, choices: Sequence[tuple[T, float]]) -> T:
        """One of the choices, each as often as its share says; the shares add up to 1."""
        drawn = self.draw()
        for choice, share in choices:
            drawn -= share
            if drawn < 0:
                return choice
        return choices[-1][0]

    def around(self, median: float, spread: float) -> float:
        """Log-normal, as waiting times are: half are below the median, some far above it."""
        normal = sqrt(-2 * log(1 - self.draw())) * cos(2 * pi * self.draw())
        return median * exp(spread * normal)
