"""`make lock`: write the shapes of new events and today's schema; refuse to change what was shipped."""

from __future__ import annotations

import sys

from tests.golden import schema
from tests.golden.shapes import FOLDER, missing, refused
from tests.product import events


def main() -> int:
    complaints = list(refused(events()))
    if complaints:
        print(*complaints, sep="\n", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    for file, text in missing(events()).items():
        file.write_text(text)
        print(f"locked {file.name}")
    if schema.today() != schema.checked_in():
        schema.FILE.write_text(schema.today())
        print(f"wrote {schema.FILE.name}")
    return 0


sys.exit(main())
