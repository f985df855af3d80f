"""Run as a script: imports the files that it is given by name, and prints what each of them does besides defining.

Rules: to open a file for writing or a socket, to start a thread or a process is work. It is blamed on a file of the
tree when it is that file's own top level which does it; what a library does when it is imported is not ours.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import BaseModel

ROOT = Path.cwd()
WORK = frozenset({"socket.__new__", "subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "thread.start"})
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main(names: list[str]) -> None:
    # The first model of a process lets pydantic look for its plug-ins, whoever defines it.
    type("First", (BaseModel,), {})
    sys.addaudithook(_watch)
    start = threading.Thread.start

    def watched(self: threading.Thread) -> None:
        _watch("thread.start", ())
        start(self)

    threading.Thread.start = watched  # type: ignore[method-assign]
    for name in names:
        importlib.import_module(name)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        # Python itself reads sources and writes bytecode; any other file is read or written by the importing file.
        if not isinstance(arguments[0], str) or arguments[0].endswith((".py", ".pyc")):
            return
    elif event not in WORK:
        return
    culprit = _top_level(sys._getframe(1))
    if culprit:
        print(f"{culprit}: {event} {arguments[:1]}")


def _top_level(frame: FrameType | None) -> str | None:
    """The nearest file whose top level is running, if it is one of this tree."""
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            file = Path(frame.f_code.co_filename)
            return file.relative_to(ROOT).as_posix() if _is_ours(file) else None
        frame = frame.f_back
    return None


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(ROOT) and file != Path(__file__) and not {".venv", "site-packages"} & set(file.parts)


if __name__ == "__main__":
    main(sys.argv[1:])
