"""Provinces of two times: a code means something only together with the day of the list that it was taken from.

Viet Nam has had 63 provinces since 1 August 2008 (Resolution 15/2008/QH12) and 34 since 1 July 2025 (Resolution
202/2025/QH15), and the new list gives old codes to larger provinces: 15 was Yên Bái and is Lào Cai with Yên Bái. Whole
provinces were merged, so a later province always follows; an earlier one follows where a province was not merged, or
from the commune, of whose new ones all but a few lie in what was one province.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from pydantic import StringConstraints

from domain._kernel import Value
from domain._leaving import Leaves
from domain._text import folded
from domain._values import Validity

ProvinceCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$"), Leaves.AS_IT_IS]
DistrictCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$"), Leaves.DROPPED]
CommuneCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$"), Leaves.DROPPED]

BEFORE, AFTER = date.min, date.max
WHAT_IT_IS = re.compile(r"^(tinh|thanh pho|tp\.?) ")


class Rule(Value):
    """A row of reference data: when it holds, and its source."""

    valid: Validity
    source: str


class Province(Rule):
    """A province or city under the government, with the one that it went to when the list changed."""

    code: ProvinceCode
    name_vi: str
    name_en: str
    merged_into: ProvinceCode | None = None

    def is_called(self, name: str) -> bool:
        """Whether somebody means this one by the name, with or without "tỉnh" or "thành phố", marks and case."""
        bare = WHAT_IT_IS.sub("", folded(name))
        return bare in {folded(self.name_vi), folded(self.name_en)}


class FormerProvince(Rule):
    """The communes of the list in force that lie wholly in what was this province under the list before."""

    code: ProvinceCode
    communes: frozenset[CommuneCode]


@dataclass(frozen=True)
class Lineage:
    """A place whose province was `code` in a list of the days `listed` lies in `province` on the days `shown`."""

    code: str
    listed: tuple[date, date]
    shown: tuple[date, date]
    province: Province


@dataclass(frozen=True)
class Former:
    """A commune of a list from `listed_from` on lay in `province` on the days `shown`."""

    commune: str
    listed_from: date
    shown: tuple[date, date]
    province: Province


def lineages(provinces: Sequence[Province]) -> Iterator[Lineage]:
    """What each code of each list means on every day on which that can be told from the code alone."""
    for one in provinces:
        listed = _listed(one, provinces)
        for shown in (*_before(one, provinces), one, *_after(one, provinces)):
            yield Lineage(one.code, listed, _days(shown, provinces), shown)


def formers(provinces: Sequence[Province], former: Sequence[FormerProvince]) -> Iterator[Former]:
    """What a commune tells of the time before its list."""
    for row in former:
        before = row.valid.first - timedelta(days=1)
        province = next(one for one in provinces if one.code == row.code and one.valid.holds(before))
        for commune in sorted(row.communes):
            yield Former(commune, row.valid.first, _days(province, provinces), province)


def _after(one: Province, provinces: Sequence[Province]) -> Iterator[Province]:
    """What it became, step by step."""
    while one.merged_into is not None and one.valid.last is not None:
        day = one.valid.last + timedelta(days=1)
        one = next(next_ for next_ in provinces if next_.code == one.merged_into and next_.valid.holds(day))
        yield one


def _before(one: Province, provinces: Sequence[Province]) -> Iterator[Province]:
    """What it was, as far as it was one province."""
    last = one.valid.first - timedelta(days=1)
    origins = [was for was in provinces if was.merged_into == one.code and was.valid.last == last]
    if len(origins) == 1:
        yield from _before(origins[0], provinces)
        yield origins[0]


def _listed(one: Province, provinces: Sequence[Province]) -> tuple[date, date]:
    """The days on which somebody who writes the code means this one: until another has it, also after its own end."""
    others = [other for other in provinces if other.code == one.code]
    later = [other.valid.first for other in others if other.valid.first > one.valid.first]
    earliest = all(one.valid.first <= other.valid.first for other in others)
    return BEFORE if earliest else one.valid.first, min(later) - timedelta(days=1) if later else AFTER


def _days(one: Province, provinces: Sequence[Province]) -> tuple[date, date]:
    """Its own days; the first list of all also stands for what was before it."""
    first_list = min(other.valid.first for other in provinces)
    return BEFORE if one.valid.first == first_list else one.valid.first, one.valid.last or AFTER
