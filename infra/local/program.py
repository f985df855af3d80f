"""What the supervisor knows of one program: how it is started, when it is ready, how it is ended."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from signal import SIGKILL, SIGTERM


@dataclass(frozen=True, slots=True)
class Program:
    """`prepare` runs in a thread before every start and may raise CannotStart; `why_not_ready` answers None when the
    program with that pid does its work. `orphan_signal` is what the kernel sends when the supervisor dies."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    why_not_ready: Callable[[int], Awaitable[str | None]]
    prepare: Callable[[], None] = lambda: None
    user: str | None = None
    stop_signals: tuple[int, ...] = (SIGTERM,)
    orphan_signal: int = SIGKILL
    is_store: bool = False


class CannotStart(Exception):
    """Trying again would not help; the message says what a person can do."""
