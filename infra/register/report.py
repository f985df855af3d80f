"""What became of each row of a register file, for whoever keeps the register: as CSV by line, and as JSON in sum."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.files import write_atomically
from infra.register.importing import Outcome
from infra.register.rows import RegisterFile

HEADER = ("line", "national_code", "outcome", "code", "reason", "notes")


@dataclass(frozen=True)
class Report:
    """`of` is the file, `outcomes` what became of its lines."""

    of: Path
    file: RegisterFile
    outcomes: Mapping[int, Outcome]
    dry_run: bool
    seconds: float

    @property
    def totals(self) -> Mapping[str, int]:
        told = list(self.outcomes.values())
        return {outcome.value: told.count(outcome) for outcome in Outcome}

    def write(self, beside: Path) -> tuple[Path, Path]:
        """Writes BESIDE.report.csv and BESIDE.report.json, and answers with them."""
        table, sums = beside.with_name(f"{beside.name}.report.csv"), beside.with_name(f"{beside.name}.report.json")
        write_atomically(table, self._table(), mode=0o644)
        write_atomically(sums, json.dumps(self._sums(), ensure_ascii=False, indent=1) + "\n", mode=0o644)
        return table, sums

    def _table(self) -> str:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(HEADER)
        for row in self.file.rows:
            code, reason = (row.bad.code, row.bad.reason) if row.bad else ("", "")
            rows.writerow((row.line, row.code, self.outcomes[row.line], code, reason, "; ".join(row.notes)))
        return text.getvalue()

    def _sums(self) -> Mapping[str, object]:
        bad = [row.bad.code for row in self.file.rows if row.bad]
        return {
            "file": self.of.name,
            "dry_run": self.dry_run,
            "rows": len(self.file.rows),
            **self.totals,
            "bad_by_code": {code: bad.count(code) for code in sorted(set(bad))},
            "with_notes": sum(bool(row.notes) for row in self.file.rows),
            "columns_not_used": list(self.file.not_used),
            "seconds": round(self.seconds, 1),
        }
