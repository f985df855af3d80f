"""A page that shows something else than what is printed is found, and so is a page that tells other figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import build_schema

from graphql_api import cohorts, http, limits, queries, sources, websocket
from graphql_api.engine import LONGEST_OPERATION_S
from tests.docs.blocks import Block
from tests.docs.session import Terminal, differs, embedded_misfits, pairs
from tests.product import ROOT

FRONT_END = ROOT / "docs" / "front-end.md"
WIRE = ROOT / "docs" / "wire-protocol.md"


def sh(text: str) -> Block:
    return Block("sh", "session", text)


@pytest.mark.parametrize(
    ("language", "shown", "printed", "same"),
    [
        ("json", '{"a": {"id": "…",\n "n": …}}', '{"a":{"id":"7-7","n":12}}', True),
        ("json", '{"a": "…"}', '{"a":"1","b":"2"}', False),
        ("json", '{"a": 1}', '{"a":2}', False),
        ("text", "3 after …\n4", "3 after 17\n4\n", True),
        ("text", "3 after …", "3 after 17\n4\n", False),
        ("text", "one", "two", False),
        ("text", "a…c", "ac", False),
    ],
)
def test_three_dots_stand_for_one_value_and_for_nothing_else(
    language: str, shown: str, printed: str, same: bool
) -> None:
    assert (differs(Block(language, "shows", shown), printed) == "") is same


def test_what_one_block_exports_is_there_in_the_next(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "exports")
    terminal.type(sh("export WARD='3 \n B'\nhidden=1\ngreet() { echo \"ward $WARD\"; }\nexport -f greet"))
    assert terminal.type(sh('greet; echo "${hidden:-gone}"')) == "ward 3 \n B\ngone\n"


def test_a_block_that_fails_is_found(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "exports")
    with pytest.raises(AssertionError, match="no such thing"):
        terminal.type(sh("echo no such thing >&2; false; true"))


def test_a_block_is_compared_with_what_stands_right_behind_it() -> None:
    shown = Block("text", "shows", "2")
    assert list(pairs([sh("1"), sh("2"), shown, sh("3")])) == [(sh("1"), None), (sh("2"), shown), (sh("3"), None)]


def test_a_document_inside_a_program_that_does_not_fit_is_found() -> None:
    api = build_schema("type Query { ward: Int }")
    for text in ("const a = `\nquery { wart }`", 'A = """query { wart }"""'):
        assert embedded_misfits(Block("js", "session", text), api)
        assert not embedded_misfits(Block("js", "session", text.replace("wart", "ward")), api)


def rows(page: Path, heading: str) -> dict[str, str]:
    """The first column of the table under a heading, with the last one."""
    (section,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {first: last for first, *_, last in cells[2:]}


def test_every_code_with_which_a_socket_closes_is_on_the_page() -> None:
    given = {value for value in vars(websocket).values() if isinstance(value, int) and 1000 <= value < 5000}
    told = {int(code) for cell in rows(WIRE, "How a connection ends") for code in cell.split(", ")}
    assert len(given) == 9
    assert given - told == set()


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    told = {what: limit for what, limit in rows(FRONT_END, "12. Limits").items() if not what.startswith("cost")}
    assert told == {
        "body of a request, message on a socket": f"{http.LARGEST_BODY // 1024} KiB",
        "depth": f"{limits.DEEPEST} levels",
        "aliases": str(limits.MOST_ALIASES),
        "tokens of a document": f"{limits.MOST_TOKENS:,}",
        "rows of a page": str(queries.LARGEST_PAGE),
        "time of an operation": f"{LONGEST_OPERATION_S:g} s",
        "open operations on one socket": str(websocket.MOST_OPEN),
    }
    assert websocket.LARGEST_MESSAGE == http.LARGEST_BODY
    assert f"| {limits.HIGHEST_COST:,} |" in FRONT_END.read_text()


def test_the_figures_of_the_wire_protocol_are_those_of_the_code() -> None:
    page = WIRE.read_text()
    for figure in (
        f"within {websocket.INIT_WITHIN_S:g} s of opening",
        f"after {http.HEARTBEAT_S:g} s in which nothing else came",
        f"a queue of {cohorts.LONGEST_QUEUE} for each",
        f"in updates of up to {sources.CHUNK} ",
        f"at most {sources.CHUNK} rows",
        f"at most {websocket.MOST_OPEN} open",
    ):
        assert figure in page, figure
