"""The provinces of all times, from the reference data into the database, where the views are joined with them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from domain._provinces import AFTER, BEFORE, formers, lineages

if TYPE_CHECKING:
    from domain._reference import ReferenceData
    from infra.postgres import Connection


async def write_provinces(db: Connection, reference: ReferenceData) -> None:
    """Put what these rules say in the place of what stood there, inside the caller's transaction."""
    by_code = [
        (one.code, *_days(one.listed), *_days(one.shown), one.province.code, one.province.name_vi)
        for one in lineages(reference.provinces)
    ]
    by_commune = [
        (one.commune, one.listed_from, *_days(one.shown), one.province.code, one.province.name_vi)
        for one in formers(reference.provinces, reference.former_provinces)
    ]
    await db.execute("delete from province_lineage; delete from province_of_commune")
    await db.copy_records_to_table("province_lineage", records=by_code)
    await db.copy_records_to_table("province_of_commune", records=by_commune)


def _days(days: tuple[date, date]) -> tuple[date, date]:
    """asyncpg writes the first and last day that Python knows as PostgreSQL's infinities."""
    assert date.min == BEFORE
    assert date.max == AFTER
    return days
