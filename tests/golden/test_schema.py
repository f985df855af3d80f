"""The schema that clients see is the one that was reviewed."""

from __future__ import annotations

from tests.golden import schema
from tests.product import run_python


def test_the_checked_in_schema_is_that_of_the_code() -> None:
    # In an interpreter of its own: the test worlds of this run would be in the schema too.
    printed = run_python("-c", "from tests.golden.schema import today; print(today(), end='')")
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == schema.checked_in(), "run `make lock` and look at the difference"
