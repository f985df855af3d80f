"""The blocks of a page that a reader types into one terminal, one after the other.

Rules: what a shell block exports is there in the blocks after it. A block that is followed by one marked `shows`
prints just that; `…` in it stands for what differs from day to day: ids, times, positions. It never reaches over
the end of a line, and in JSON, which the page lays out for reading, never over a value.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from graphql import GraphQLSchema

from tests.docs.blocks import Block, misfits

LONGEST_S = 180
NODE = shutil.which("node")
ANYTHING = "…"
# A document inside JavaScript or Python stands between backticks or three quotes.
EMBEDDED = re.compile(r"(`|\"{3})(\s*(?:query|mutation|subscription)\b.*?)\1", re.DOTALL)


class Terminal:
    """Where the blocks of one page are typed. `environment` grows by what they export."""

    def __init__(self, tree: Path, environment: Mapping[str, str], exports: Path) -> None:
        self._tree, self._exports = tree, exports
        self.environment = dict(environment)

    def type(self, block: Block) -> str:
        """What the block prints. AssertionError when it fails."""
        done = subprocess.run(
            self._command(block),
            cwd=self._tree,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        assert done.returncode == 0, f"{block.text}{done.stdout}{done.stderr}"
        if block.language == "sh":
            told = self._exports.read_text().split("\0")
            self.environment = dict(line.split("=", 1) for line in told if line)
        return done.stdout

    def _command(self, block: Block) -> Sequence[str]:
        match block.language:
            case "sh":
                return ["bash", "-euo", "pipefail", "-c", f"{block.text}\nenv -0 > {self._exports}"]
            case "python":
                return [sys.executable, "-c", block.text]
            case "js" if NODE is not None:
                return [NODE, "--input-type=module", "-e", block.text]
        raise AssertionError(f"nothing here runs {block.language}")


def can_be_typed(block: Block) -> bool:
    """JavaScript needs a Node.js on the machine; without one its documents are held to the schema only."""
    return block.in_session and (block.language != "js" or NODE is not None)


def pairs(blocks: Sequence[Block]) -> Iterator[tuple[Block, Block | None]]:
    """Each block of the session with what the page says that it shows."""
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.in_session:
            yield block, following if following is not None and following.shows else None


def differs(shown: Block, printed: str) -> str:
    """Empty when the block shows what was printed, else both."""
    squeeze, anything = _as_json if shown.language == "json" else _as_text
    expected, found = re.sub(*squeeze, shown.text), re.sub(*squeeze, printed)
    pattern = anything.join(re.escape(part) for part in expected.strip().split(ANYTHING))
    return "" if re.fullmatch(pattern, found.strip()) else f"the page shows\n{shown.text}\nand it prints\n{printed}"


_as_json = (re.compile(r"\s+"), ""), r"[^,{}\[\]]+?"
_as_text = (re.compile(r"[ \t]+$", re.MULTILINE), ""), r"[^\n]+?"


def embedded_misfits(block: Block, schema: GraphQLSchema) -> Sequence[str]:
    """What in the documents that stand in a program does not fit the schema."""
    documents = [match[2] for match in EMBEDDED.finditer(block.text)]
    return [error for text in documents for error in misfits(Block("graphql", "", text), schema)]
