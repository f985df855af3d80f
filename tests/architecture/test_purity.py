"""Facts and decisions ask no clock, make no ids and touch nothing outside: the same past gives the same answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.architecture.purity import foreign, impurities
from tests.product import ROOT, source_files

PURE = source_files("domain", "commands")
OWN = frozenset({"domain", "commands"})


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", PURE, ids=name_of)
def test_facts_and_decisions_are_pure(file: Path) -> None:
    assert list(impurities(file.read_text())) == []


@pytest.mark.parametrize("file", PURE, ids=name_of)
def test_facts_and_decisions_need_the_standard_library_and_pydantic_only(file: Path) -> None:
    assert list(foreign(file.read_text(), OWN, sys.stdlib_module_names)) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import asyncio",
        "import os.path",
        "from time import monotonic",
        "from uuid import UUID, uuid4",
        "import uuid\nid = uuid.uuid1()",
        "from datetime import datetime\nnow = datetime.now()",
        "from datetime import date\nday = date.today()",
        "def decide(self):\n    import random",
        "text = open('rules.json').read()",
    ],
)
def test_what_is_impure_is_found(planted: str) -> None:
    assert list(impurities(planted))


def test_what_follows_from_what_is_known_is_pure() -> None:
    assert list(impurities("from uuid import UUID, uuid5\nhappened = context.now")) == []


def test_a_foreign_package_is_found() -> None:
    assert list(foreign("import json\nimport orjson", OWN, sys.stdlib_module_names)) == ["orjson"]
