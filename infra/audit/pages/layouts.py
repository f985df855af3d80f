"""What the page of one report does otherwise than that of another; a report that is not named here has the usual page.

Rules: a layout says where parts stand and never what they hold, so that a page without one is complete as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI")


@dataclass(frozen=True)
class Layout:
    """`office` is the figure that names whose document it is, `afterwards` are figures that stand behind the tables.

    `records` are tables whose rows are read one by one, `statements` those in which somebody says something,
    `signatures` those of which each row is a signature. `plain` sets numbers as facts, `below` names the beginnings of
    sections that stand below the one before. `ordinal` are lists of codes whose order means something, `orders` those
    for which it is not the order of the codes.
    """

    office: str | None = None
    afterwards: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()
    statements: frozenset[str] = frozenset()
    signatures: frozenset[str] = frozenset()
    plain: bool = False
    below: tuple[str, ...] = ()
    ordinal: frozenset[str] = frozenset({"wait", "bitrate", "bin", "urgency", "tier"})
    orders: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "urgency": ("emergency", "urgent", "routine"),
            "tier": ("central", "provincial", "district", "commune"),
        }
    )

    def level(self, section: str) -> int:
        return 2 if section.startswith(self.below) and self.below else 1


LAYOUTS = {
    "minutes": Layout(
        office="centre",
        afterwards=frozenset({"conclusion", "concluded_by", "concluded_at"}),
        records=frozenset({"versions"}),
        statements=frozenset({"opinions"}),
        signatures=frozenset({"signatures"}),
        plain=True,
        below=("issue_",),
    ),
}


def layout_of(report: str) -> Layout:
    return LAYOUTS.get(report, Layout())
