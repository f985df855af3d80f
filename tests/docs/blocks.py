"""Code blocks of a page, and how they are carried out on a tree.

Rules: what stands behind the language says what a block is. "```diff FILE" changes a file: the lines without `+` must
stand in it together, once. "```python FILE" is a new file. "```sh run" and "```python run" are run at the root of the
tree; "```sh stack" and "```python stack" as well, while the whole stack runs. The blocks of a page with `session`
behind their language are run there one after the other, as in one terminal (session.py), and a block with `shows` is
what the one before it prints. A GraphQL document has to fit the schema. A block without any of these is for reading.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLError, GraphQLSchema, parse, validate

FENCE = re.compile(r"^```(?P<language>\w+)(?: (?P<what>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
RUN, STACK, SESSION, SHOWS = "run", "stack", "session", "shows"
LONGEST_S = 300


class CannotApply(AssertionError):
    """The page shows lines that do not stand in the file, or more than once."""


@dataclass(frozen=True)
class Block:
    language: str
    what: str
    text: str

    @property
    def runs(self) -> bool:
        return self.what == RUN

    @property
    def needs_stack(self) -> bool:
        return self.what == STACK

    @property
    def changes(self) -> bool:
        return self.what not in ("", RUN, STACK, SESSION, SHOWS)

    @property
    def in_session(self) -> bool:
        return self.what == SESSION

    @property
    def shows(self) -> bool:
        return self.what == SHOWS


def blocks_of(page: Path) -> Sequence[Block]:
    return [Block(m["language"], m["what"] or "", m["text"]) for m in FENCE.finditer(page.read_text())]


def apply(block: Block, tree: Path) -> None:
    """Make the change that the block shows."""
    file = tree / block.what
    if block.language == "diff":
        file.write_text(_changed(file.read_text(), block))
        return
    if file.exists():
        raise CannotApply(f"{block.what} is there already")
    file.write_text(block.text)


def _changed(text: str, block: Block) -> str:
    lines = block.text.splitlines(keepends=True)
    before = "".join(line[1:] or line for line in lines if not line.startswith("+"))
    after = "".join(line[1:] or line for line in lines if not line.startswith("-"))
    if text.count(before) != 1:
        raise CannotApply(f"{block.what} has these lines {text.count(before)} times:\n{before}")
    return text.replace(before, after)


def misfits(block: Block, schema: GraphQLSchema) -> Sequence[str]:
    """What in a GraphQL document does not fit the schema."""
    try:
        return [error.message for error in validate(schema, parse(block.text))]
    except GraphQLError as error:
        return [error.message]


def run(block: Block, tree: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the block; a shell stops at the first line that fails."""
    command = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[block.language]
    return subprocess.run(
        [*command, block.text],
        cwd=tree,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
