"""What Debian has to bring for a test: tests/debian.sh installs it for `make test`; here it is only looked for."""

from __future__ import annotations

import shutil

import pytest


def program(package: str, *names: str) -> str:
    """Where the first of these programs is. The test fails without it, and says what to install."""
    for name in names:
        if (found := shutil.which(name)) is not None:
            return found
    pytest.fail(f"{names[0]} is missing: apt-get install {package}")
