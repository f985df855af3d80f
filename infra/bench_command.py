"""`telehealth bench`.

Rules: benchmarks live with the tests and may import everything, which infra may not; so they run by their path, in a
process of their own, from a checkout of the sources.
"""

import subprocess
import sys
from collections.abc import Sequence

from infra.settings import ROOT, Settings, child_environment


class NoBenchmarks(Exception):
    """Benchmarks come with the sources of the product, not with an installed package."""


def bench(settings: Settings, names: Sequence[str], *, quick: bool) -> int:
    """Measures and prints; answers with the exit code."""
    if not (ROOT / "tests" / "benchmarks").is_dir():
        raise NoBenchmarks("there are no benchmarks here: run it in a checkout of the sources")
    options = ["--quick"] if quick else []
    command = [sys.executable, "-m", "tests.benchmarks", *names, *options]
    return subprocess.run(command, cwd=ROOT, env=child_environment(settings), check=False).returncode
