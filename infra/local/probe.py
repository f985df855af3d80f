"""Asks a process for its health over HTTP on loopback, with nothing but sockets.

Rules: one short connection per question; an answer that does not come in time is no answer.
"""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 2.0


async def ask(url: str) -> tuple[int, Any]:
    """The status code and JSON body of one GET; OSError when there is no answer."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _ask(url)
    except (EOFError, ValueError, TimeoutError) as error:
        raise OSError(f"no answer: {type(error).__name__}") from error


async def _ask(url: str) -> tuple[int, Any]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(f"GET {address.path} HTTP/1.0\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    return int(head.split(b" ", 2)[1]), json.loads(body)


def health_url(data: Path, name: str, pid: int) -> str | None:
    """Where the process with that name and pid answers; None until it says so itself."""
    try:
        known = json.loads((data / "run" / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None
    return str(known["health_url"]) if known.get("pid") == pid else None
