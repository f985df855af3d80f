"""Importing a file defines things and does nothing: no socket, no thread, no process, no file is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.product import copy_of_tree, modules, run_python

WATCH = "tests/architecture/importing.py"


def test_no_file_does_work_when_it_is_imported() -> None:
    found = run_python(WATCH, *modules())
    assert found.returncode == 0, found.stderr
    assert found.stdout == ""


@pytest.mark.parametrize(
    ("planted", "event"),
    [
        ("import socket\nsocket.socket()", "socket.__new__"),
        ("import threading\nthreading.Thread(target=print, args=('',), kwargs={'end': ''}).start()", "thread.start"),
        ("import subprocess\nsubprocess.run(['true'])", "subprocess.Popen"),
        ("TEXT = open('/etc/hostname').read()", "open"),
        ("import asyncio\nasyncio.new_event_loop().close()", "socket.__new__"),
    ],
)
def test_a_file_that_does_work_is_found(planted: str, event: str, tmp_path: Path) -> None:
    tree = copy_of_tree(tmp_path / "tree")
    (tree / "domain" / "planted.py").write_text(planted)
    found = run_python(WATCH, "domain._values", "domain.planted", root=tree)
    assert found.stdout.startswith(f"domain/planted.py: {event}")
