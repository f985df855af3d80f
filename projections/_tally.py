"""A tally of a table: how many of its rows have the same values in some columns, kept by the database.

Rules: a tally changes in the statement that changes the rows, so it is never behind them and never wrong by one, and
what is asked of millions of rows is read from some thousand. It holds nothing that the table does not, and goes and
comes with it. Readers sum up `count`, since each writer counts for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from projections._table import Table


@dataclass(frozen=True)
class Tally:
    """`where` says which rows of the table count. It is found by its columns from the first on, and by `indexes`."""

    name: str
    table: Table[Any]
    columns: Sequence[str]
    where: str = "true"
    indexes: Sequence[str] = ()

    def ddl(self, physical: str, counted: str) -> list[str]:
        """Statements that make the tally of the table `counted`, which is still empty."""
        columns = ", ".join(self.columns)
        typed = ", ".join(f"{column} {self.table.types[column]}" for column in self.columns)
        arguments = f"'{physical}', '{columns}', '{self.where}'"
        return [
            f"create table {physical} ({typed}, part smallint not null, count bigint not null,"
            f" unique nulls not distinct ({columns}, part))",
            *(
                f"create trigger {self.name}_{operation} after {operation} on {counted} referencing {rows}"
                f" for each statement execute function keep_tally({arguments})"
                for operation, rows in (
                    ("insert", "new table as added"),
                    ("update", "old table as removed new table as added"),
                    ("delete", "old table as removed"),
                )
            ),
            *(f"create index on {physical} ({index})" for index in self.indexes),
        ]
