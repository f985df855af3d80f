"""Who works and who is ill: made-up people, each following from the seed and the place.

Rules: every name ends with Mẫu (sample), and nobody has a number that an authority could have given; hospitals have
doctors for what they offer, a station one for everything. People who come back are the same people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID, uuid5

from domain._kernel import Actor, Role
from domain._values import Tier
from domain.patient import Sex
from infra.nation.chance import Chance
from infra.nation.geography import Site, namespace
from infra.nation.step import actor

GENERAL = ("general_practice",)
DISTRICTS = ("internal_medicine", "paediatrics", "obstetrics_gynaecology", "general_surgery", "endocrinology")
PROVINCES = (
    *DISTRICTS,
    "cardiology",
    "stroke",
    "neurology",
    "respiratory",
    "gastroenterology",
    "dermatology",
    "tropical_medicine",
)
OFFERED = {Tier.CENTRAL: PROVINCES, Tier.PROVINCIAL: PROVINCES, Tier.DISTRICT: DISTRICTS, Tier.COMMUNE: GENERAL}
DOCTORS_EACH = {Tier.CENTRAL: 3, Tier.PROVINCIAL: 1, Tier.DISTRICT: 1, Tier.COMMUNE: 1}

FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô", "Giàng", "Lò", "Vàng", "Nông")
MIDDLE = {Sex.FEMALE: ("Thị", "Ngọc", "Thu"), Sex.MALE: ("Văn", "Hữu", "Đức")}
GIVEN = {
    Sex.FEMALE: ("Lan", "Hoa", "Mai", "Hạnh", "Dung", "Thảo", "Yến", "Xuân"),
    Sex.MALE: ("Nam", "Sơn", "Hùng", "Minh", "Dũng", "Thành", "Long", "Phúc"),
}

# The part of cases whose patient has been there before, and how many such people a place has.
COMES_BACK, KNOWN_AT_A_PLACE = 0.3, 60


@dataclass(frozen=True, slots=True)
class Doctor:
    """A practitioner with one speciality at one facility."""

    id: UUID
    name: str
    speciality: str
    facility_id: UUID

    @property
    def acts(self) -> Actor:
        return actor(self.id, Role.DOCTOR, self.facility_id)


@dataclass(frozen=True, slots=True)
class Ill:
    """A patient of a facility; `born_in` is a year."""

    id: UUID
    name: str
    sex: Sex
    born_in: int


@lru_cache(maxsize=20_000)
def doctors(seed: int, site: Site) -> tuple[Doctor, ...]:
    return tuple(
        _doctor(seed, site, speciality, n) for speciality in OFFERED[site.tier] for n in range(DOCTORS_EACH[site.tier])
    )


def _doctor(seed: int, site: Site, speciality: str, n: int) -> Doctor:
    who = f"doctor {site.code} {speciality} {n}"
    name = f"BS. {_name(Chance(seed, who), Sex.FEMALE if n % 2 else Sex.MALE)}"
    return Doctor(uuid5(namespace(seed), who), name, speciality, site.id)


def doctor_of(seed: int, site: Site, speciality: str, turn: int) -> Doctor:
    """One of the doctors of this speciality; those of a hospital take turns."""
    ones = [one for one in doctors(seed, site) if one.speciality == speciality]
    return ones[turn % len(ones)]


def nurse(seed: int, site: Site) -> Actor:
    return actor(uuid5(namespace(seed), f"nurse {site.code}"), Role.NURSE, site.id)


def coordinator(seed: int, site: Site) -> Actor:
    return actor(uuid5(namespace(seed), f"coordinator {site.code}"), Role.COORDINATOR, site.id)


def registrar(seed: int) -> Actor:
    return actor(uuid5(namespace(seed), "registrar"), Role.REGISTRAR)


def ill(seed: int, site: Site, case: str, chance: Chance) -> Ill:
    """The patient of a case: somebody new, or one of those whom the place knows."""
    comes_back = chance.happens(COMES_BACK)
    known = chance.below(KNOWN_AT_A_PLACE)
    who = f"patient {site.code} {known if comes_back else case}"
    own = Chance(seed, who)
    sex = Sex.FEMALE if own.happens(0.52) else Sex.MALE
    return Ill(uuid5(namespace(seed), who), _name(own, sex), sex, own.between(1936, 2025))


def _name(chance: Chance, sex: Sex) -> str:
    return f"{chance.one_of(FAMILIES)} {chance.one_of(MIDDLE[sex])} {chance.one_of(GIVEN[sex])} Mẫu"
