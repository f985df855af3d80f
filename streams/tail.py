"""`telehealth tail`: the log on a terminal or in a pipe, whole and in order.

Rules: lines are for people; JSON (one object a line) and CSV are for programs, and their keys and columns only ever
grow. What goes to stdout is events and nothing else; what is wrong goes to stderr with its code, and the exit code
says which kind it was. A reader that goes away, or Ctrl-C, ends it cleanly.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TextIO, get_args
from uuid import UUID

from kafka.errors import KafkaError

from domain._values import VIETNAM_TIME
from infra.audit.keys import KeyRefused, log_key_file, public_keys
from infra.local.record import Record
from infra.settings import Settings
from streams.analyst import Entry, Fault, FileStore, Log
from streams.reading.checked import Checked
from streams.tail_forms import Form, writer

DONE, WRONG, REFUSED = 0, 1, 2


class NotAsked(ValueError):
    """What was given is no time, position or form; the message says which."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for. `since` and `until` are times at the bedside, `start` is a place in the log."""

    aggregates: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    facility: UUID | None = None
    patient: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    start: datetime | int | None = None
    follow: bool = False
    form: Form = "lines"
    full: bool = False
    check: bool = False
    keys: Path | None = None
    resume: Path | None = None
    limit: int | None = None

    @classmethod
    def of(cls, *, since: str | None, until: str | None, start: str | None, form: str, **rest: Any) -> Self:
        """From what was typed. Raises NotAsked."""
        if form not in get_args(Form):
            raise NotAsked(f"--format is one of {', '.join(get_args(Form))}")
        place = int(start) if start and start.isdigit() else moment("--from", start)
        if place == 0:
            raise NotAsked("--from: positions begin at 1")
        rest |= {"since": moment("--since", since), "until": moment("--until", until), "form": form}
        return cls(start=place, **rest)

    def admits(self, entry: Entry) -> bool:
        if self.events and entry.name not in self.events:
            return False
        if (self.since and entry.happened_at < self.since) or (self.until and entry.happened_at >= self.until):
            return False
        told = entry.stored.state + entry.stored.metadata + str(entry.stream_id).encode()
        return all(str(id_).encode() in told for id_ in (self.facility, self.patient) if id_ is not None)


def tail(settings: Settings, wanted: Wanted, out: TextIO = sys.stdout) -> int:
    """Answers the exit code: 0 at the end, 1 when the log is not what it should be, 2 when it cannot be read."""
    # The library tells of lost lines and of lines found again; what matters of that comes as a fault.
    logging.getLogger("kafka").addHandler(logging.NullHandler())
    record = Record.load(settings.data)
    bootstrap = settings.kafka_bootstrap or (record.kafka_bootstrap if record and record.running else None)
    if bootstrap is None:
        return _refuse("nothing runs; start it with `telehealth up`, or set KAFKA_BOOTSTRAP")
    if wanted.check and not _whole(wanted):
        return _refuse("--check reads the log as it is, from its beginning: give --full, and no --aggregate and --from")
    try:
        with closing(_log(settings, wanted, bootstrap)) as log:
            return _write(settings, wanted, bootstrap, log, out)
    except Fault as fault:
        print(f"telehealth: {fault}", file=sys.stderr)
        return WRONG
    except (KafkaError, KeyRefused, OSError) as fault:
        if isinstance(fault, BrokenPipeError):
            # Whoever read has seen enough. Python would complain once more when it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        return _refuse(f"{type(fault).__name__}: {fault}")
    except KeyboardInterrupt:
        return DONE


def moment(option: str, text: str | None) -> datetime | None:
    """A time with its offset, or of Viet Nam. Raises NotAsked."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NotAsked(f"{option}: {text!r} is no time such as 2020-08-27T09:00+07:00") from None
    return found if found.tzinfo else found.replace(tzinfo=VIETNAM_TIME)


def _whole(wanted: Wanted) -> bool:
    return wanted.full and not wanted.aggregates and wanted.start is None and wanted.resume is None


def _log(settings: Settings, wanted: Wanted, bootstrap: str) -> Log:
    return Log(
        bootstrap,
        wanted.aggregates or None,
        release=settings.open_release,
        full=wanted.full,
        start=wanted.start,
        follow=wanted.follow,
        store=FileStore(wanted.resume) if wanted.resume else None,
        on_fault=lambda fault: print(f"telehealth: {fault}", file=sys.stderr),
    )


def _write(settings: Settings, wanted: Wanted, bootstrap: str, log: Log, out: TextIO) -> int:
    write = writer(wanted.form, out)
    checked = None
    if wanted.check:
        keys = public_keys(wanted.keys or log_key_file(settings))
        tiles = settings.data / "audit" / "log"
        checked = Checked(log, bootstrap, keys, tiles=tiles if tiles.is_dir() else None)
    with closing(checked) if checked else nullcontext():
        for written, entry in enumerate(_admitted(wanted, checked or log), 1):
            write(entry)
            if wanted.follow:
                out.flush()
            if written == wanted.limit:
                break
        out.flush()
    if wanted.resume:
        log.save()
    if checked:
        print(f"telehealth: {checked.checked} events are what was signed", file=sys.stderr)
    return DONE


def _admitted(wanted: Wanted, entries: Log | Checked) -> Iterator[Entry]:
    return (entry for entry in entries if wanted.admits(entry))


def _refuse(why: str) -> int:
    print(f"telehealth: {why}", file=sys.stderr)
    return REFUSED
