"""Small files that several processes share.

Rules: a reader sees the old content or the new, never half of it; what may hold a secret is readable by its owner only
from the moment it exists.
"""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Replaces the file's content in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content.encode() if isinstance(content, str) else content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_once(path: Path, text: str) -> str:
    """Writes the file unless it exists, and answers what it holds: of two writers at once the first one wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(number, "w") as file:
            file.write(text)
        try:
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            Path(name).unlink()
    return path.read_text()


def locked(file: Path, refusal: Exception) -> IO[str]:
    """The lock of this file until it is closed; the kernel gives it back when this process ends, however it ends.

    Raises `refusal` where another process has it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = file.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise refusal from None
    return lock


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for a message to a person; empty when there is none."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
