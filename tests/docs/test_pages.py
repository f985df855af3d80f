"""What the pages tell a reader to type works."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest
from graphql import GraphQLSchema, build_schema
from typer.core import TyperGroup
from typer.main import get_command

from infra.cli import app
from tests.docs.blocks import Block, blocks_of, misfits, run
from tests.docs.session import Terminal, can_be_typed, differs, embedded_misfits, pairs
from tests.golden import schema
from tests.product import ROOT

# The walk-through is carried out by a test of its own, on the tree that it changes.
CHANGES_THE_TREE = "add-an-event.md"
PROGRAMMED = ("python", "js", "sh")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCKS = [(page, block) for page in PAGES if page.name != CHANGES_THE_TREE for block in blocks_of(page)]
RUNNING = [pytest.param(block, id=f"{page.name}-{n}") for n, (page, block) in enumerate(BLOCKS) if block.runs]
ON_STACK = [pytest.param(block, id=f"{page.name}-{n}") for n, (page, block) in enumerate(BLOCKS) if block.needs_stack]
GRAPHQL = [pytest.param(b, id=f"{page.name}-{n}") for n, (page, b) in enumerate(BLOCKS) if b.language == "graphql"]
SESSIONS = [page for page in PAGES if any(block.in_session for block in blocks_of(page))]
PROGRAMS = [pytest.param(b, id=f"{page.name}-{n}") for n, (page, b) in enumerate(BLOCKS) if b.language in PROGRAMMED]
# Words of the command line, in code only: `make test`, or a line of a block that begins so.
COMMAND = re.compile(r"(?:`|^)(make|telehealth) ([a-z]+)", re.MULTILINE)


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def commands_in(text: str) -> Iterator[str]:
    for tool, word in COMMAND.findall(text):
        yield f"{tool} {word}"


def commands_there_are() -> set[str]:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    own = cast(TyperGroup, get_command(app)).commands
    return {*(f"make {target}" for target in targets), *(f"telehealth {name}" for name in own)}


@pytest.fixture(scope="module")
def api() -> GraphQLSchema:
    return build_schema(schema.checked_in())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    assert set(commands_in(page.read_text())) - commands_there_are() == set()


def test_a_command_that_is_not_there_is_found() -> None:
    named = set(commands_in("Type `make soup`, then\n```sh\ntelehealth fly --high\n```\nand make no fuss."))
    assert named == {"make soup", "telehealth fly"}
    assert named & commands_there_are() == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_can_be_read_by_its_language(page: Path) -> None:
    for block in blocks_of(page):
        if block.language == "python":
            ast.parse(block.text)
        if block.language == "sh":
            subprocess.run(["bash", "-n", "-c", block.text], check=True)


@pytest.mark.parametrize("block", RUNNING)
def test_what_is_to_be_run_runs(block: Block, tree: Path, environment: Mapping[str, str]) -> None:
    done = run(block, tree, environment)
    assert done.returncode == 0, f"{block.text}{done.stdout}{done.stderr}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", ON_STACK)
def test_what_needs_the_stack_runs_on_it(block: Block, tree: Path, with_stack: Mapping[str, str]) -> None:
    done = run(block, tree, with_stack)
    assert done.returncode == 0, f"{block.text}{done.stdout}{done.stderr}"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_what_is_typed_into_one_terminal_prints_what_the_page_shows(
    page: Path, tree: Path, with_stack: Mapping[str, str], tmp_path: Path
) -> None:
    terminal = Terminal(tree, with_stack, tmp_path / "exports")
    for block, shown in pairs(blocks_of(page)):
        if can_be_typed(block):
            printed = terminal.type(block)
            assert shown is None or not (difference := differs(shown, printed)), difference


@pytest.mark.parametrize("block", PROGRAMS)
def test_the_documents_inside_a_program_fit_the_schema(block: Block, api: GraphQLSchema) -> None:
    assert embedded_misfits(block, api) == []


@pytest.mark.parametrize("block", GRAPHQL)
def test_every_document_fits_the_schema(block: Block, api: GraphQLSchema) -> None:
    assert misfits(block, api) == []


def test_a_document_that_does_not_fit_is_found(api: GraphQLSchema) -> None:
    assert misfits(Block("graphql", "", "{ nothingOfTheKind }"), api)
    assert misfits(Block("graphql", "", "{ half"), api)


@pytest.mark.parametrize(("text", "code"), [("true\nfalse\ntrue\n", 1), ("test -f pyproject.toml\n", 0)])
def test_a_shell_block_ends_with_its_first_failing_line(
    text: str, code: int, tree: Path, environment: Mapping[str, str]
) -> None:
    assert run(Block("sh", "run", text), tree, environment).returncode == code
