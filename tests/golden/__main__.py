"""`make lock`: write the shapes of new events and views, and today's schema; refuse to change what was shipped."""

from __future__ import annotations

import sys

from tests.golden import schema, view_shapes
from tests.golden.shapes import FOLDER, missing, refused
from tests.product import events, views


def main() -> int:
    complaints = [*refused(events()), *view_shapes.refused(views())]
    if complaints:
        print(*complaints, sep="\n", file=sys.stderr)
        return 1
    for folder in (FOLDER, view_shapes.FOLDER):
        folder.mkdir(exist_ok=True)
    for file, text in {**missing(events()), **view_shapes.missing(views())}.items():
        file.write_text(text)
        print(f"locked {file.name}")
    if schema.today() != schema.checked_in():
        schema.FILE.write_text(schema.today())
        print(f"wrote {schema.FILE.name}")
    return 0


sys.exit(main())
