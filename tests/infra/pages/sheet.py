"""A page for tests with every part that a page can have, around the text or the table that a test is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from infra.audit.pages.charts import Chart, Series
from infra.audit.pages.document import (
    Caption,
    Column,
    Document,
    Facts,
    Grid,
    Headlines,
    Note,
    Part,
    Picture,
    Records,
    Section,
    Signature,
    Signatures,
    Statements,
)
from infra.audit.pages.numbers import Language

EMPTY = "Không có dòng nào."


def sheet(text: str = "Bệnh viện", rows: Sequence[str] = ("Sa Pa",), language: Language = Language.VI) -> Document:
    """`text` stands in every place that takes the text of an event; `rows` are the names in the table."""
    labels = [text, "Sa Pa"]
    series = [Series(text, [Fraction(3), Fraction(1, 3)])]
    charts = [Picture(Chart(form, text, text, labels, series)) for form in ("bar", "line", "histogram")]
    grid = Grid(
        text, [Column("Cơ sở"), Column("Số", number=True), Column("Mã", mono=True)],
        [(name, "1.234", text) for name in rows], EMPTY,
    )  # fmt: skip
    parts: list[Part] = [
        Headlines([(text, "56.789")]),
        Facts([(text, text)]),
        Caption(text),
        grid,
        Statements(text, [(text, text)], EMPTY),
        Records(text, [[(text, text)]], EMPTY),
        *charts,
        Note(text),
        Signatures([Signature(text, [text, text])]),
    ]
    return Document(
        language=language,
        office=["BỘ Y TẾ", text],
        motto=["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"],
        number=text,
        place=text,
        title=f"Báo cáo {text}",
        subtitle=[text],
        written=datetime(2020, 8, 27, 2, 0, tzinfo=UTC),
        sections=[Section(text, parts), Section(text, [], level=2)],
        proof_title="Xác thực",
        proof=[(text, "ab" * 32)],
        how_to_verify=[text],
        foot="Báo cáo",
        page_word="Trang",
    )
