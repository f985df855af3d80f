"""The network as of 27 August 2020: hospitals registered, measured and connected, and agreements signed.

Rules: what the register already shows is left as it is, and the ids of commands follow from the hospitals, so that
any number of runs, also at the same moment, leave each hospital once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid5

from infra.demo.cases import STORIES
from infra.demo.day import Day, NotAsItMustBe, Person, all_of
from infra.demo.hospitals import Hospital, named, network

DAY = "2020-08-27"
MORNING = "2020-08-27T07:00:00+07:00"
AT_ONCE = 12

REGISTER = """
query ($after: String, $position: Position) {
  facilities(first: 50, text: "D", after: $after, minPosition: $position) {
    nodes { facilityId nationalCode status bitrateKbps declarations { firstDay } connectedSince }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def register(day: Day, who: Person, position: int | None = None) -> dict[str, dict[str, Any]]:
    """The hospitals of the launch that the view shows, by their codes."""
    ours = {hospital.code for hospital in network()}
    found: dict[str, dict[str, Any]] = {}
    cursor: str | None = None
    while True:
        page = (await day.ask(who, REGISTER, after=cursor, position=position))["facilities"]
        for row in page["nodes"]:
            if row["nationalCode"] in ours:
                if row["nationalCode"] in found:
                    raise NotAsItMustBe(f"{row['nationalCode']} stands in the register twice")
                found[row["nationalCode"]] = row
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def connect_all(day: Day) -> None:
    """Bring what is missing into the network, and read it back from the register."""
    registrar = day.person("registrar", "Cán bộ đăng ký mạng lưới")
    known = await register(day, registrar)
    day.stage.say(f"Sổ đăng ký có {len(known)}/{len(network())} bệnh viện / hospitals in the register")
    steps = [_connect(day, registrar, hospital, known.get(hospital.code)) for hospital in network()]
    positions = [position for position in await all_of(AT_ONCE, *steps) if position]
    centre, *points = named()
    await all_of(AT_ONCE, *(_agree(day, registrar, centre, point) for point in points))
    shown = await register(day, registrar, max(positions, default=None))
    connected = [code for code, row in shown.items() if row["status"] == "CONNECTED"]
    if len(connected) != len(network()):
        raise NotAsItMustBe(f"the register shows {len(connected)} connected hospitals of {len(network())}")
    provinces = len({hospital.province_code for hospital in network()})
    day.stage.say(f"{len(connected)} điểm cầu, {provinces} tỉnh đã kết nối / points connected in {provinces} provinces")


async def _connect(day: Day, who: Person, hospital: Hospital, row: Mapping[str, Any] | None) -> int | None:
    """The position of the last step that was needed; steps that the register shows are left out."""
    position = None
    for name, given, done in _steps(hospital, row):
        if not done:
            answer = await day.do(who, name, given, id_=uuid5(hospital.id, name), at=MORNING)
            position = answer.position
    if row is None:
        day.stage.registered()
    return position


def _steps(hospital: Hospital, row: Mapping[str, Any] | None) -> Sequence[tuple[str, dict[str, Any], bool]]:
    id_ = {"facilityId": str(hospital.id)}
    facility = {
        **id_,
        "nationalCode": hospital.code,
        "nameVi": hospital.name_vi,
        "nameEn": hospital.name_en,
        "tier": hospital.tier,
        "provinceCode": hospital.province_code,
        "province": hospital.province,
        "districtCode": hospital.district_code,
        "district": hospital.district,
    }
    line = {"bitrateKbps": hospital.line_kbps, "delayMs": 40, "lossPercent": "0.1"}
    found = row or {"status": "REGISTERED", "bitrateKbps": None, "declarations": []}
    return (
        ("registerFacility", facility, row is not None),
        ("declareServices", {**id_, "firstDay": DAY, "services": _services(hospital)}, bool(found["declarations"])),
        ("measureLine", {**id_, "line": line, "instrument": "iperf3"}, found["bitrateKbps"] is not None),
        ("connectPoint", id_, found["status"] != "REGISTERED"),
    )


def _services(hospital: Hospital) -> list[dict[str, str]]:
    """The centre helps in what the points will ask; the others ask, and give general advice."""
    helps = ["internal_medicine", *(story.speciality for story in STORIES), "nephrology"]
    specialities = helps if hospital == named()[0] else ["general_practice"]
    return [
        {"kind": "CONSULTATION", "mode": mode, "speciality": speciality}
        for mode in ("REMOTE_CONSULTATION", "INTER_FACILITY_SUPPORT")
        for speciality in specialities
    ]


async def _agree(day: Day, who: Person, centre: Hospital, point: Hospital) -> None:
    agreement = {
        "facilityId": str(centre.id),
        "partnerId": str(point.id),
        "term": {"first": DAY},
        "signedForFacility": "Giám đốc Mẫu Bạch Mai",
        "signedForPartner": "Giám đốc Mẫu điểm cầu",
    }
    await day.do(who, "signAgreement", agreement, id_=uuid5(centre.id, f"agreement with {point.id}"), at=MORNING)
