"""Which way out a worker takes: the one in C where it is built, else the one in Python.

Rules: `auto` never fails; `on` is for those who count on the figures, and refuses to start without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import structlog

from media.native.build import library
from media.native.sender import NativeSender, NotThere
from media.sender import PythonSender, Sender
from media.udp import Port

Wanted = Literal["auto", "off", "on"]

log = structlog.get_logger()


def chosen(wanted: Wanted, port: Port, path: Path | None = None) -> Sender:
    """The sender of this worker; raises NotThere when it has to be the one in C and cannot."""
    path = path or library()
    if wanted == "off" or (wanted == "auto" and not path.exists()):
        return PythonSender(port)
    try:
        return NativeSender(port, path)
    except NotThere as fault:
        if wanted == "on":
            raise
        log.warning("media_native_refused", reason=str(fault))
        return PythonSender(port)
