"""The report definitions of this version: each is a file, known by the digest of its bytes, and travels as that file.

Rules: what a report was computed with is kept as it was, file by file, so that an edition of years ago is explained and
recomputed with the code and the lists of then. Reference data travels in canonical JSON, so that its digest depends on
the content alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from infra.reference import FOLDER
from projections.audit import reports
from projections.audit.reports import _kit
from projections.audit.reports._kit import Definition, canonical


@dataclass(frozen=True, slots=True)
class Installed:
    """A definition, and what travels with it: the bytes of its file, of the kit, and of the lists that it reads."""

    definition: Definition
    source: bytes
    kit: bytes
    lists: Mapping[str, bytes]

    def reference(self) -> dict[str, Any]:
        return {name: json.loads(content) for name, content in self.lists.items()}


def installed() -> Mapping[str, Installed]:
    """All reports of the product, by name: each is a file of their package."""
    names = [module.name for module in iter_modules(reports.__path__) if not module.name.startswith("_")]
    return {name: _installed(name) for name in sorted(names)}


@cache
def _installed(name: str) -> Installed:
    module = import_module(f"{reports.__name__}.{name}")
    definition: Definition = module.report
    if definition.name != name:
        raise TypeError(f"{name}.py defines the report {definition.name}")
    lists = {one: canonical(json.loads((FOLDER / f"{one}.json").read_bytes())) for one in definition.reference}
    return Installed(definition, _bytes_of(module.__file__), _bytes_of(_kit.__file__), lists)


def _bytes_of(file: str | None) -> bytes:
    assert file is not None
    return Path(file).read_bytes()


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def sources(one: Installed) -> Sequence[bytes]:
    """Everything besides the events that decides what the result is."""
    return [one.source, one.kit, *one.lists.values()]
