"""Judges of DICOM files that nobody here wrote: DCMTK's dcmdump and dcmftest, and dciodvfy of dicom3tools."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = {"dcmdump": "dcmtk", "dcmftest": "dcmtk", "dciodvfy": "dicom3tools"}


def installed(*programs: str) -> None:
    """Debian's packages are installed when this is allowed; else the test says what to install."""
    missing = sorted({PACKAGES[program] for program in programs if shutil.which(program) is None})
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            subprocess.run(["apt-get", "update"], capture_output=True, check=False)
            subprocess.run(command, capture_output=True, check=False)
    if any(shutil.which(program) is None for program in programs):
        pytest.skip(f"needs Debian's {' and '.join(missing)}: apt-get install {' '.join(missing)}")


def complaints(file: Path) -> list[str]:
    """What the three judges have against a file."""
    installed(*PACKAGES)
    found = []
    for command in (["dcmdump", "-q"], ["dcmftest"]):
        judged = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
        if judged.returncode != 0:
            found.append(judged.stdout + judged.stderr)
    judged = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
    return found + [line for line in (judged.stdout + judged.stderr).splitlines() if line.startswith("Error")]
