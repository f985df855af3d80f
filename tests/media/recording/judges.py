"""Judges of DICOM files that nobody here wrote: DCMTK's dcmdump and dcmftest, and dciodvfy of dicom3tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.debian import program


def complaints(file: Path) -> list[str]:
    """What the three judges have against a file."""
    found = []
    for command in ([program("dcmtk", "dcmdump"), "-q"], [program("dcmtk", "dcmftest")]):
        judged = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
        if judged.returncode != 0:
            found.append(judged.stdout + judged.stderr)
    judged = subprocess.run(
        [program("dicom3tools", "dciodvfy"), str(file)], capture_output=True, text=True, check=False
    )
    return found + [line for line in (judged.stdout + judged.stderr).splitlines() if line.startswith("Error")]
