"""What a room of six costs, in which each one's camera goes to the five others; beside it Janus.

Rules: those of tests/benchmarks/media.py. Each picture goes to each screen by a connection of its own, here and at
Janus; so nothing is gained by few connections, and the room costs as much as it can.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.figure import Figure
from tests.benchmarks.media import costs, delay, folder_of, loss, rounds
from tests.benchmarks.stage import Stage

PARTIES = 6


async def measure(stage: Stage) -> Sequence[Figure]:
    taken = await rounds(stage, folder_of(stage), PARTIES, PARTIES - 1)
    figures: list[Figure] = []
    for kind in (kind for kind in taken if kind != "janus"):
        figures += [
            costs("room of six: CPU per delivered packet", kind, taken, at_most=1.2),
            delay("room of six: added delay of a frame's last packet", kind, taken, share=0.99),
            delay("room of six: added delay of a frame's last packet", kind, taken, share=0.5),
            loss("room of six: lost", kind, taken),
        ]
    return figures
