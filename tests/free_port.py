"""A port for a program that cannot choose its own.

Rules: it lies below the range that the kernel gives to outgoing connections, where a client that knocks at a dead port
may meet itself; it is chosen by chance, so that tests beside each other get different ones.
"""

from __future__ import annotations

from random import SystemRandom

from infra.local.ports import FIRST, LAST, is_free


def free_port() -> int:
    chance = SystemRandom()
    return next(port for port in iter(lambda: chance.randrange(FIRST, LAST), 0) if is_free(port))
