"""One file of JSON lines per process.

Rules: a line is an event name in snake_case and keys from the allow-list; everything else is dropped and only its
name is kept, because a log outlives the right to read what it says. An exception is written as its type and the
places it passed, never with its message, which may quote a patient. Lines of libraries are kept as templates
without their arguments, and only from libraries that never see personal data.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

LARGEST_FILE_BYTES = 50_000_000

_NAMES = """
    event level at process pid state reason code duration_ms count name port version position first_position
    last_position lag batch stream_id aggregate topic partition offset view worker_group command command_id
    correlation_id causation_id error_reference error_type places attempt attempts wait_seconds exit_code signal
    restarts subscription operation cost status logger template place dropped epoch kid file
"""
ALLOWED = frozenset(_NAMES.split())
TRUSTED_LIBRARIES = ("uvicorn", "asyncio", "kafka", "mode", "faust", "infra")


def open_log(process: str, folder: Path, *, to_stderr: bool) -> None:
    """Sends every log line of this process to folder/process.log, and to stderr where a collector or a person reads."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{process}.log"
    if path.exists() and path.stat().st_size > LARGEST_FILE_BYTES:
        path.replace(path.with_suffix(".log.1"))
    # Unbuffered: one line is one write, so the last line before a kill -9 is on the file and lines never mix.
    file: IO[bytes] = path.open("ab", buffering=0)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _places_of_exception,
            only_allowed,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Lines(file, to_stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(process=process)
    root = logging.getLogger()
    root.handlers[:] = [_Libraries()]
    root.setLevel(logging.WARNING)


def only_allowed(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Keeps the keys that may be written; of the others it keeps the names, so that a gap is seen."""
    dropped = sorted(set(line) - ALLOWED)
    kept: EventDict = {key: value for key, value in line.items() if key in ALLOWED}
    if dropped:
        kept["dropped"] = dropped
    return kept


def places(error: BaseException) -> list[str]:
    """Where an exception passed, outermost first: file, line and function, without any value."""
    return [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)][-12:]


def _places_of_exception(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    while isinstance(error, BaseExceptionGroup):
        # The group says only that there was something; the first of it says what.
        error = error.exceptions[0]
    if isinstance(error, BaseException):
        line["error_type"] = type(error).__name__
        line["places"] = places(error)
    return line


def _json(line: Mapping[str, object], default: object = None, **_: object) -> str:
    return orjson.dumps(line, default=lambda value: type(value).__name__).decode()


class _Lines:
    """Writes finished lines; the file is the truth, stderr is a courtesy that may be closed."""

    def __init__(self, file: IO[bytes], to_stderr: bool) -> None:
        self._file = file
        self._to_stderr = to_stderr

    def msg(self, line: str) -> None:
        data = line.encode() + b"\n"
        self._file.write(data)
        if self._to_stderr:
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()

    debug = info = warning = warn = error = critical = exception = fatal = msg


class _Libraries(logging.Handler):
    """Turns a library's record into one of our lines, without the arguments it was formatted with."""

    def emit(self, record: logging.LogRecord) -> None:
        line: dict[str, object] = {"logger": record.name, "place": f"{record.filename}:{record.lineno}"}
        if record.name.split(".")[0] in TRUSTED_LIBRARIES:
            line["template"] = str(record.msg)[:300]
        if record.exc_info and record.exc_info[1]:
            line["exc_info"] = record.exc_info[1]
        log = structlog.get_logger()
        log.log(max(record.levelno, logging.INFO), "library_said", **line)
