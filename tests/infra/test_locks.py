"""Advisory locks are numbers for the whole database, so each has one owner and one place where it is told."""

from __future__ import annotations

import re

from infra.locks import Lock
from tests.product import ROOT, source_files

NUMBER = re.compile(r"\b84202008\d\d\b")


def test_the_append_takes_the_lock_of_the_log() -> None:
    script = (ROOT / "infra/sql/020_append.sql").read_text()
    assert NUMBER.findall(script) == [str(int(Lock.LOG))]


def test_no_lock_is_told_anywhere_else() -> None:
    scripts = [file for file in (ROOT / "infra/sql").glob("*.sql") if file.name != "020_append.sql"]
    files = [file for file in (*source_files(), *scripts) if file.name != "locks.py"]
    assert [file.name for file in files if NUMBER.search(file.read_text())] == []
