"""A view that changes its tables changes its version, or an older database is read as what it is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from projections._table import Row, Table
from projections._view import VIEWS, Content, View
from tests.golden.view_shapes import file_of, missing, refused, shape_of
from tests.product import views


def test_every_view_has_the_tables_that_its_version_promised() -> None:
    assert list(refused(views())) == []
    assert dict(missing(views())) == {}


def test_another_column_without_another_version_is_refused(tmp_path: Path) -> None:
    @dataclass(slots=True, kw_only=True)
    class Shelf(Row):
        """A shelf."""

        shelf_id: UUID

    @dataclass(slots=True, kw_only=True)
    class LabelledShelf(Shelf):
        """A shelf with a label."""

        label: str

    view = View("golden_shelf", version=1, content=Content.INTERNAL)
    try:
        view.tables = [Table("golden_shelf", Shelf, ("shelf_id",))]
        file_of(view, tmp_path).write_text(shape_of(view))
        assert list(refused([view], tmp_path)) == []
        view.tables = [Table("golden_shelf", LabelledShelf, ("shelf_id",))]
        (complaint,) = refused([view], tmp_path)
        assert "Raise the view's version" in complaint
        view.version = 2
        assert list(refused([view], tmp_path)) == []
        assert list(missing([view], tmp_path)) == [tmp_path / "golden_shelf.v2.sql"]
    finally:
        del VIEWS["golden_shelf"]
