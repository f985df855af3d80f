"""`python -m docs.generate` writes docs/reference and docs/contracts; with `--check` it says what differs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docs.generate import commands, contracts, errors, events, lifecycles, processes, scale, views
from domain._catalogue import every_event

DOCS = Path(__file__).parent.parent
PAGES: Mapping[str, Callable[[], str]] = {
    "events.md": events.write,
    "commands.md": commands.write,
    "errors.md": errors.write,
    "views.md": views.write,
    "lifecycles.md": lifecycles.write,
    "processes.md": processes.write,
    "scale.md": scale.write,
}
VERSION = re.compile(r"(?P<name>.+)\.v(?P<version>\d+)\.json")


def files() -> Mapping[Path, str]:
    """All that is written, by its place in docs."""
    found = {Path("reference", name): write() for name, write in PAGES.items()}
    return found | {Path("contracts", place): text for place, text in contracts.write().items()}


def left_over(wanted: Mapping[Path, str]) -> Iterator[Path]:
    """Contracts of events that are none; those of former versions stay."""
    known = every_event()
    for file in sorted((DOCS / "contracts").glob("*/*.json")):
        place, named = file.relative_to(DOCS), VERSION.fullmatch(file.name)
        former = named and named["name"] in known and int(named["version"]) < known[named["name"]].schema_version
        if place not in wanted and not former:
            yield place


def main(check: bool) -> int:
    wanted, differing = files(), []
    for place, text in wanted.items():
        file = DOCS / place
        if file.exists() and file.read_text() == text:
            continue
        differing.append(place.as_posix())
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for place in left_over(wanted):
        differing.append(place.as_posix())
        if not check:
            (DOCS / place).unlink()
    if differing:
        print("not as the code:" if check else "wrote", ", ".join(differing))
    return 1 if check and differing else 0


sys.exit(main("--check" in sys.argv[1:]))
