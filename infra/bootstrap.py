"""The one file that knows which processes there are and what each is made of.

Rules: a process is named here and imported only when it runs, so that no process carries another's libraries; the
order of the table is the order in which the local stack starts them, and stops them backwards.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import cast

from infra.health import Vitals
from infra.settings import Settings

Main = Callable[[Settings, Vitals, asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Process:
    """`main` is "module:function"; `wanted` answers whether the local stack starts it under these settings.

    One that works on the log finds the database's schema as this version needs it.
    """

    main: str
    purpose: str
    wanted: Callable[[Settings], bool] = lambda settings: True
    on_the_log: bool = True
    copies: Callable[[Settings], int] = lambda settings: 1
    """How many of it the local stack runs: the first has its name, the others have their number behind it."""

    def load(self) -> Main:
        module, _, function = self.main.partition(":")
        return cast(Main, getattr(import_module(module), function))


def _issues_its_own_tokens(settings: Settings) -> bool:
    return settings.oidc_issuer is None and not settings.production


def _has_its_own_witness(settings: Settings) -> bool:
    return settings.witness_url is None and not settings.production


# Commands of the command line that stand above it, and so are known here by their names only.
TOOLS: Mapping[str, str] = {"tail": "streams.tail"}


def tool(name: str) -> ModuleType:
    return import_module(TOOLS[name])


PROCESSES: Mapping[str, Process] = {
    "issuer": Process("infra.issuer:main", "Issues development identities.", _issues_its_own_tokens, on_the_log=False),
    "witness": Process("infra.audit.witness:main", "Cosigns checkpoints.", _has_its_own_witness, on_the_log=False),
    "relay": Process("streams.relay:main", "Carries the log to Kafka."),
    "opener": Process("streams.opener:main", "Publishes the log as open data."),
    "projections": Process("streams.worker:main", "Takes the log into the views."),
    "ledger": Process("streams.ledger:main", "Signs what the log holds."),
    "reports": Process("streams.reports:main", "Computes and seals the reports that were asked for."),
    "reactors": Process("streams.reactors:main", "Acts on facts, and on clocks that run out."),
    "recorder": Process("media.recording.process:main", "Keeps what was authorised of live sessions, sealed."),
    "media": Process(
        "media.process:main",
        "Carries live pictures and sound; several share the rooms.",
        on_the_log=False,
        copies=lambda settings: settings.media_workers,
    ),
    "playback": Process("media.recording.playback_process:main", "Plays recordings to who may see them."),
    "api": Process("graphql_api.process:main", "Answers clients over GraphQL."),
}


def process_called(name: str) -> Process | None:
    """The process of this name, or of which this is a copy, such as `media-2`."""
    kind, dash, number = name.rpartition("-")
    return PROCESSES.get(kind if dash and number.isdecimal() else name)


def copies_of(name: str, settings: Settings) -> list[str]:
    """The names under which the local stack runs this process."""
    return [name, *(f"{name}-{number}" for number in range(2, PROCESSES[name].copies(settings) + 1))]
