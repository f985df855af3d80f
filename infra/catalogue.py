"""What the product consists of: importing every module of a package registers what it defines.

Rules: files are found, not listed, so that a new aggregate or view is a new file and nothing else.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

from domain._kernel import EVENTS
from infra.topics import topic_of


def load(package: str) -> None:
    """Import every module of the package and of the packages in it."""
    for found in walk_packages(import_module(package).__path__, f"{package}."):
        import_module(found.name)


def event_topics() -> frozenset[str]:
    """The topics of all aggregates that this version of the product knows."""
    load("domain")
    return frozenset(topic_of(name.partition(".")[0]) for name in EVENTS)
