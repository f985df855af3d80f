"""`telehealth bench`.

Rules: benchmarks live with the tests and may import everything, which infra may not; so they run by their path, in a
process of their own, from a checkout of the sources.
"""

import subprocess
import sys
from collections.abc import Sequence

from infra.settings import ROOT, Settings, child_environment

SCALES = (80_000, 800_000)


class NoBenchmarks(Exception):
    """Benchmarks come with the sources of the product, not with an installed package."""


def bench(settings: Settings, names: Sequence[str], *, quick: bool, events: Sequence[int] = ()) -> int:
    """Measures and prints; answers with the exit code. `scale` measures logs of so many `events`."""
    if not (ROOT / "tests" / "benchmarks").is_dir():
        raise NoBenchmarks("there are no benchmarks here: run it in a checkout of the sources")
    if list(names) == ["scale"]:
        sizes = [f"--events={one}" for one in events or SCALES]
        command = [sys.executable, "-m", "tests.benchmarks.scale", *sizes]
    else:
        command = [sys.executable, "-m", "tests.benchmarks", *names, *(["--quick"] if quick else [])]
    return subprocess.run(command, cwd=ROOT, env=child_environment(settings), check=False).returncode
