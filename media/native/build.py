"""`python -m media.native.build`: compiles burst.c beside itself, with the machine's own C compiler and libc alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "burst.c"
FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-fstack-protector-strong")


class NotBuilt(Exception):
    """There is no compiler, or it refused."""


def library(folder: Path = HERE) -> Path:
    """Where the library of these lines lies, once it is built."""
    lines = hashlib.sha256(SOURCE.read_bytes() + repr(FLAGS).encode()).hexdigest()[:16]
    return folder / f"libburst-{sys.platform}-{os.uname().machine}-{lines}.so"


def build(folder: Path = HERE, more: Sequence[str] = ()) -> Path:
    """Compiles it into this folder; raises NotBuilt. One that is there already is left."""
    made = library(folder)
    if made.exists() and not more:
        return made
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        raise NotBuilt("there is no C compiler: install gcc and the headers of the C library (Debian: gcc libc6-dev)")
    with tempfile.TemporaryDirectory(dir=folder) as own:
        fresh = Path(own) / made.name
        said = subprocess.run(
            [compiler, *FLAGS, *more, str(SOURCE), "-o", str(fresh)], capture_output=True, text=True, check=False
        )
        if said.returncode != 0:
            raise NotBuilt(f"{compiler} refused: {said.stderr.strip()[-2000:]}")
        # At once and whole: a worker that starts meanwhile finds all of it or nothing.
        fresh.replace(made)
    return made


if __name__ == "__main__":
    try:
        print(build())
    except NotBuilt as refusal:
        sys.exit(str(refusal))
