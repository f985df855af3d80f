"""In which province a facility lies, by the list of any day: what counts by province is joined with this.

Rules: of the places that the register knows of a facility the one of that day counts, and before its first entry that
one; its codes are read by the list that they were taken from (domain/_provinces.py). Where the list of the day cannot
be told, the province is null, and is counted as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from projections._view import Connection


@dataclass(frozen=True)
class ProvinceOfDay:
    """A province in the list of a day."""

    code: str
    name: str


def provinces_on(day: date) -> str:
    """A table expression: facility_id, province_code and province, in the list of this day."""
    # A date has no signs in which SQL could be hidden, and queries number their arguments themselves.
    on = f"date '{day:%Y-%m-%d}'"
    return f"""
    (select place.facility_id,
            coalesce(by_code.province_code, by_commune.province_code) as province_code,
            coalesce(by_code.province, by_commune.province) as province
       from (select distinct on (facility_id) facility_id, province_code, commune_code, listed_on
               from facility_register_place
              order by facility_id, first_day > {on},
                       case when first_day > {on} then -version else version end desc) as place
       left join province_lineage by_code
         on by_code.code = place.province_code
        and place.listed_on between by_code.listed_first and by_code.listed_last
        and {on} between by_code.shown_first and by_code.shown_last
       left join province_of_commune by_commune
         on by_commune.commune_code = place.commune_code
        and place.listed_on >= by_commune.listed_first
        and {on} between by_commune.shown_first and by_commune.shown_last)
    """


async def province_of(db: Connection, facility_id: UUID, day: date) -> ProvinceOfDay | None:
    """The province of one facility in the list of this day; None where the list cannot be told."""
    row = await db.fetchrow(
        f"select province_code, province from {provinces_on(day)} as lies where facility_id = $1", facility_id
    )
    return None if row is None or row["province_code"] is None else ProvinceOfDay(row["province_code"], row["province"])
