"""What the reference says is what the code does, and every way through the docs leads somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate.errors import EDGE, MEDIA
from docs.generate.markdown import anchor
from domain._kernel import REFUSALS
from tests.product import ROOT, commands, events, refusals, run_python, source_files, views

REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
REFUSALS_OF_MEDIA = ("Problem", "OfferRefused", "Refusal", "Rejected", "_fault", "_refused")
CODE = re.compile(r"[A-Z]{2,}(_[A-Z]+)*")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_the_reference_is_that_of_the_code() -> None:
    found = run_python("-m", "docs.generate", "--check")
    assert found.returncode == 0, f"{found.stdout}{found.stderr} run `make lock`"


def test_everything_is_in_the_reference() -> None:
    told = {file.name: file.read_text() for file in REFERENCE.glob("*.md")}
    told_events = set(re.findall(r"^### (\S+)", told["events.md"], re.MULTILINE))
    assert [event.name for event in events() if event.name not in told_events] == []
    assert [refusal.code for refusal in refusals() if f"`{refusal.code}`" not in told["errors.md"]] == []
    assert [view.name for view in views() if f"## {view.name}\n" not in told["views.md"]] == []
    headings = told["commands.md"].lower()
    assert [command for command in commands() if f"### {command.__name__.lower()}\n" not in headings] == []


def codes_in(source: str) -> Iterator[str]:
    """The codes that a source gives to clients: in a call or an assignment to `code`, or in a dict under "code"."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments, keywords=keywords):
                given = [*arguments, *(word.value for word in keywords if word.arg == "code")]
                if name in (
                    "_error",
                    "_refusal",
                    "_refuse",
                    "Refused",
                    "CommandRejected",
                    "__init_subclass__",
                    *REFUSALS_OF_MEDIA,
                ):
                    yield from _codes(given)
            case ast.Assign(targets=[ast.Name(id="code")], value=value):
                yield from _codes([value])
            case ast.Dict(keys=keys, values=values):
                yield from _codes(
                    v for k, v in zip(keys, values, strict=True) if isinstance(k, ast.Constant) and k.value == "code"
                )


def _codes(nodes: object) -> Iterator[str]:
    for node in nodes:  # type: ignore[attr-defined]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
            yield node.value


def test_every_code_of_the_edge_is_in_the_reference() -> None:
    sources = [*source_files("graphql_api"), ROOT / "infra" / "identity.py"]
    given = {code for file in sources for code in codes_in(file.read_text())}
    assert given - EDGE.keys() - REFUSALS.keys() == set()
    assert EDGE.keys() - given == set(), "no source gives these any more"


def test_every_code_of_the_media_worker_is_in_the_reference() -> None:
    sources = [*source_files("media"), ROOT / "infra" / "media_tokens.py"]
    given = {code for file in sources for code in codes_in(file.read_text())}
    assert given ^ MEDIA.keys() == set()


def test_a_code_that_nobody_told_of_is_found() -> None:
    source = '_error("BRAND_NEW", "text")\nx = {"code": "IN_A_DICT"}\ncode = "ASSIGNED"\nlog("NOT_A_CODE")'
    assert set(codes_in(source)) == {"BRAND_NEW", "IN_A_DICT", "ASSIGNED"}


def headings(page: str) -> set[str]:
    return {anchor(line.lstrip("#").strip()) for line in page.splitlines() if line.startswith("#")}


def broken_links(file: Path) -> list[str]:
    broken = []
    for link in LINK.findall(file.read_text()):
        if "://" in link:
            continue
        path, _, place = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if not target.exists() or (place and place not in headings(target.read_text())):
            broken.append(link)
    return broken


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_every_link_leads_somewhere(file: Path) -> None:
    assert broken_links(file) == []


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](page.md#here) [b](page.md#there) [c](nowhere.md) [d](https://example.org/)")
    assert broken_links(page) == ["page.md#there", "nowhere.md"]
