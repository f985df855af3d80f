"""What a reader of a finished page sees: the text of its HTML, and that of its PDF by poppler."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

HIDDEN = {"style", "title", "desc"}
INLINE = {"b", "span", "br", "wbr"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))
        self._hidden += tag in HIDDEN
        self.pieces.append("" if tag in INLINE else " ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in HIDDEN
        self.pieces.append("" if tag in INLINE else " ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def text_of_html(page: bytes) -> str:
    reader = _Reader()
    reader.feed(page.decode())
    return " ".join("".join(reader.pieces).split())


def tags_of_html(page: bytes) -> list[tuple[str, list[tuple[str, str | None]]]]:
    reader = _Reader()
    reader.feed(page.decode())
    return reader.tags


def text_of_pdf(page: bytes) -> str:
    return " ".join(_read("-raw", page).split())


def heights_in_pdf(page: bytes, word: str) -> list[tuple[float, float]]:
    """Where this word stands on its pages: the upper and the lower end, from above."""
    found = re.findall(rf'yMin="([0-9.]+)" xMax="[0-9.]+" yMax="([0-9.]+)">{re.escape(word)}<', _read("-bbox", page))
    return [(float(upper), float(lower)) for upper, lower in found]


def _read(how: str, page: bytes) -> str:
    """Skips without poppler: the HTML page of the same document is read in any case."""
    if shutil.which("pdftotext") is None:
        pytest.skip("the text of a PDF is read by poppler: apt-get install poppler-utils")
    return subprocess.run(["pdftotext", how, "-", "-"], input=page, capture_output=True, check=True).stdout.decode()


def without_spaces(text: str) -> str:
    """For texts that a column has broken."""
    return re.sub(r"\s+", "", text)
