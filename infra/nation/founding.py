"""How the network came about: facilities registered and connected, agreements signed, doctors licensed.

Rules: this happened before the days that are played, from the launch in August 2020 until the end of 2025, the large
hospitals first; it follows from the seed alone, so that a nation is founded once, whatever is played on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5

from commands._command import Command
from commands.agreement import SignAgreement
from commands.facility import ConnectPoint, DeclareServices, MeasureLine, RegisterFacility
from commands.practitioner import RegisterPractitioner
from domain._kernel import Actor
from domain._values import ConsultationKind, LinkQuality, RemoteMode, Tier, Validity, local_day
from domain.facility import LIST_OF_63, Service
from infra.nation.chance import Chance
from infra.nation.geography import Site, identity, namespace, sites
from infra.nation.people import OFFERED, coordinator, doctors, registrar
from infra.nation.rhythm import at
from infra.nation.step import Step, Window

FOUNDED = date(2026, 1, 1)
CONNECTED_BETWEEN = {
    Tier.CENTRAL: (date(2020, 8, 27), date(2020, 12, 31)),
    Tier.PROVINCIAL: (date(2020, 8, 27), date(2021, 9, 30)),
    Tier.DISTRICT: (date(2020, 10, 1), date(2023, 6, 30)),
    Tier.COMMUNE: (date(2021, 6, 1), date(2025, 11, 30)),
}
SERVICES = (
    (ConsultationKind.CONSULTATION, RemoteMode.REMOTE_CONSULTATION),
    (ConsultationKind.REMOTE_ADVICE, RemoteMode.INTER_FACILITY_SUPPORT),
)
AT_ONCE = 1_000
LICENSED_SINCE = date(2015, 1, 1)


def founding(seed: int, facilities: int) -> Iterator[Window]:
    """First the facilities, then what needs two of them, then who works there."""
    seed = identity(seed, facilities)
    network = sites(seed, facilities)
    for steps in (_facilities(seed, network), _agreements(seed, network), _practitioners(seed, network)):
        yield from _in_windows(steps)


def _in_windows(steps: Iterator[list[Step]]) -> Iterator[Window]:
    founded = at(FOUNDED, time())
    ready: list[Step] = []
    for chain in steps:
        ready.extend(chain)
        if len(ready) >= AT_ONCE:
            yield Window(founded, tuple(ready))
            ready = []
    if ready:
        yield Window(founded, tuple(ready))


def registered_at(seed: int, site: Site) -> datetime:
    first, last = CONNECTED_BETWEEN[site.tier]
    chance = Chance(seed, "connected", site.code)
    day = first + timedelta(days=chance.below((last - first).days))
    return at(day, time(8)) + timedelta(minutes=chance.below(400))


def _facilities(seed: int, network: Sequence[Site]) -> Iterator[list[Step]]:
    who = registrar(seed)
    for site in network:
        yield list(_connected(seed, site, who))


def _connected(seed: int, site: Site, who: Actor) -> Iterator[Step]:
    begins = registered_at(seed, site)

    def step(hours: int, kind: type[Command], **given: Any) -> Step:
        id_ = uuid5(namespace(seed), f"{kind.__name__} {site.code}")
        return Step(begins + timedelta(hours=hours), site.id, id_, who, kind, {"facility_id": site.id, **given})

    yield step(
        0,
        RegisterFacility,
        national_code=site.code,
        name_vi=site.name_vi,
        tier=site.tier,
        province_code=site.province.code,
        province=site.province.name,
        district_code=site.district.code if site.district else None,
        district=site.district.name if site.district else None,
        listed_on=LIST_OF_63,
    )
    yield step(1, DeclareServices, first_day=local_day(begins), services=_services(site.tier))
    line = LinkQuality(bitrate_kbps=site.line_kbps, delay_ms=25, loss_percent="0.1")
    yield step(24, MeasureLine, line=line, instrument="iperf3")
    yield step(25, ConnectPoint)


def _services(tier: Tier) -> tuple[Service, ...]:
    return tuple(
        Service(kind=kind, mode=mode, speciality=speciality) for kind, mode in SERVICES for speciality in OFFERED[tier]
    )


def _agreements(seed: int, network: Sequence[Site]) -> Iterator[list[Step]]:
    who = registrar(seed)
    for site in network:
        for helper in dict.fromkeys(network[number] for number in site.helpers):
            signed = max(registered_at(seed, site), registered_at(seed, helper)) + timedelta(days=3)
            given = {
                "facility_id": helper.id,
                "partner_id": site.id,
                "term": Validity(first=local_day(signed)),
                "signed_for_facility": "Giám đốc Mẫu",
                "signed_for_partner": "Trưởng trạm Mẫu" if site.tier is Tier.COMMUNE else "Giám đốc Mẫu",
            }
            id_ = uuid5(namespace(seed), f"agreement {helper.code} {site.code}")
            yield [Step(signed, id_, id_, who, SignAgreement, given)]


def _practitioners(seed: int, network: Sequence[Site]) -> Iterator[list[Step]]:
    for site in network:
        hired, who = registered_at(seed, site) + timedelta(days=2), coordinator(seed, site)
        for doctor in doctors(seed, site):
            given = {
                "practitioner_id": doctor.id,
                "full_name": doctor.name,
                "licence_number": f"MAU-{doctor.id.hex[:8]}",
                "licence": Validity(first=LICENSED_SINCE),
                "scope": (doctor.speciality,),
                "home_facility_id": site.id,
            }
            id_: UUID = uuid5(namespace(seed), f"registered {doctor.id}")
            yield [Step(hired, doctor.id, id_, who, RegisterPractitioner, given)]
