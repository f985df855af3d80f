"""An analyst's program that takes a lane into a database, to be killed:

python -m tests.streams.taker BOOTSTRAP PREFIX FILE (follow | end) AGGREGATE…
"""

from __future__ import annotations

import sqlite3
import sys

from infra.topics import Lane
from streams.reading.progress import SqliteStore
from streams.reading.reader import Reader


def take(bootstrap: str, prefix: str, file: str, how: str, *aggregates: str) -> None:
    db = sqlite3.connect(file, timeout=30)
    db.execute("create table if not exists taken (position integer, name text)")
    store = SqliteStore(db)
    db.commit()
    with Reader(bootstrap, Lane(prefix, "/test"), aggregates or None, store=store, follow=how == "follow") as reader:
        for n, entry in enumerate(reader, 1):
            db.execute("insert into taken values (?, ?)", (entry.position, entry.name))
            if n % 7 == 0:
                reader.save()
                db.commit()
        reader.save()
        db.commit()


if __name__ == "__main__":
    take(*sys.argv[1:])
