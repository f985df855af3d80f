"""`python -m docs.generate` writes docs/reference; with `--check` it only says which pages differ from the code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate import commands, errors, events, lifecycles, processes, views

FOLDER = Path(__file__).parent.parent / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "events.md": events.write,
    "commands.md": commands.write,
    "errors.md": errors.write,
    "views.md": views.write,
    "lifecycles.md": lifecycles.write,
    "processes.md": processes.write,
}


def main(check: bool) -> int:
    differing = []
    for name, write in PAGES.items():
        file, text = FOLDER / name, write()
        if file.exists() and file.read_text() == text:
            continue
        differing.append(name)
        if not check:
            FOLDER.mkdir(exist_ok=True)
            file.write_text(text)
    if differing:
        print("not as the code:" if check else "wrote", ", ".join(differing))
    return 1 if check and differing else 0


sys.exit(main("--check" in sys.argv[1:]))
