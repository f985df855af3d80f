"""The files of a package are its list: what a file defines is registered when the file is imported.

A registry may also hold what a test or a tool has defined; "every" means those of the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from domain._kernel import EVENTS, Event


def import_all(package: str) -> None:
    """Import every file of the package, so that all that it defines is in its registry."""
    for module in iter_modules(import_module(package).__path__):
        if not module.ispkg:
            import_module(f"{package}.{module.name}")


def belongs_to(package: str, definition: type) -> bool:
    return definition.__module__.startswith(f"{package}.")


def every_event() -> Mapping[str, type[Event]]:
    """All events of the product by their stored names."""
    import_all("domain")
    return {name: kind for name, kind in sorted(EVENTS.items()) if belongs_to("domain", kind)}
