"""A consultation as people have it before they come into the room: made through the API, on a stack that runs.

Rules: nothing is written past the API; whoever is named here lives nowhere; the room belongs to a consultation of some
points, and the second of them examines a patient with an ultrasound that is connected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx

from infra.issuer import issue_token
from infra.settings import Settings

NAMES = (
    "Bệnh viện Mẫu Trung ương",
    "Bệnh viện Mẫu thị xã Sa Pa",
    "Bệnh viện Mẫu C Thái Nguyên",
    "Bệnh viện Mẫu Hùng Vương",
    "Bệnh viện Mẫu Nghệ An",
    "Bệnh viện Mẫu Hải Phòng",
)
SPECIALITY = "general_practice"
VIEWS_BEHIND = ("VIEWS_BEHIND", "UNAVAILABLE", "TIMEOUT")


class Refusal(Exception):
    """The API refused what this world is made of."""


@dataclass(frozen=True)
class Person:
    """Somebody who signs in."""

    id: UUID
    token: str
    facility_id: UUID | None = None


@dataclass
class Care:
    """A consultation that is open, and who takes part; `people` are in the order of the points."""

    url: str
    consultation_id: UUID = field(default_factory=uuid4)
    points: Sequence[UUID] = ()
    people: Sequence[Person] = ()
    patient_id: UUID = field(default_factory=uuid4)
    examination_id: UUID = field(default_factory=uuid4)
    device_id: UUID = field(default_factory=uuid4)
    consent_id: UUID = field(default_factory=uuid4)
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30))

    @property
    def room_url(self) -> str:
        return self.url.removesuffix("/graphql") + "/room/"

    def link(self, at: int, **more: str) -> str:
        """The way of one point into the room; the token stands where no server sees it."""
        given = {"token": self.people[at].token, "consultation": str(self.consultation_id), **more}
        return f"{self.room_url}#{urlencode(given)}"

    def scan(self) -> Mapping[str, str]:
        """What the point with the ultrasound says more."""
        return {"scan": str(self.examination_id), "device": str(self.device_id)}

    async def ask(self, who: Person, document: str, **variables: Any) -> Any:
        for pause in (0.1, 0.3, 1, 2, 4):
            body = {"query": document, "variables": variables}
            answer = (await self.http.post(self.url, json=body, headers=_signed(who))).json()
            if "errors" not in answer:
                return answer["data"]
            if answer["errors"][0]["extensions"]["code"] not in VIEWS_BEHIND:
                break
            await asyncio.sleep(pause)
        raise Refusal(str(answer["errors"]))

    async def tell(self, who: Person, name: str, **given: Any) -> int:
        """The position of the command's last event."""
        kind = name[0].upper() + name[1:]
        document = (
            f"mutation ($input: {kind}Input!, $commandId: UUID!)"
            f" {{ answer: {name}(input: $input, commandId: $commandId)"
            " { ... on CommandAccepted { position } ... on CommandRejected { code message } } }"
        )
        command_id = str(uuid4())
        for pause in (0.1, 0.5, 2, 0):
            answer = (await self.ask(who, document, input=_plain(given), commandId=command_id))["answer"]
            if "position" in answer:
                return int(answer["position"])
            if answer["code"] != "TOO_MUCH_CONTENTION":
                break
            await asyncio.sleep(pause)
        raise Refusal(f"{name}: {answer}")

    async def close(self) -> None:
        await self.http.aclose()


def _signed(who: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.token}"}


def _plain(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: _plain(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        return [_plain(one) for one in given]
    return given.isoformat() if isinstance(given, datetime) else str(given) if isinstance(given, UUID) else given


def person(settings: Settings, role: str, facility: UUID | None = None, name: str = "", minutes: float = 240) -> Person:
    id_ = uuid4()
    token = issue_token(settings, role, subject=id_, facility=facility, name=name or role, minutes=minutes)
    return Person(id_, token, facility)


async def open_consultation(settings: Settings, url: str, points: int = 3, *, opened: bool = True) -> Care:
    """The network of these points, and their consultation, which is open; the points have still to come in."""
    care = Care(url)
    registrar = person(settings, "registrar")
    care.points = [uuid4() for _ in range(points)]
    care.people = [
        person(settings, "doctor", id_, f"BS. {name}") for id_, name in zip(care.points, NAMES, strict=False)
    ]
    await asyncio.gather(*(_connect(care, registrar, at) for at in range(points)))
    await asyncio.gather(*(_staff(care, registrar, one) for one in care.people))
    centre, *guests = care.points
    today = datetime.now(UTC).date().isoformat()
    for guest in guests:
        names = {"signedForFacility": "Giám đốc Mẫu", "signedForPartner": "Giám đốc Mẫu"}
        await care.tell(registrar, "signAgreement", facilityId=centre, partnerId=guest, term={"first": today}, **names)
    await _plan(care)
    if opened:
        await care.tell(care.people[0], "openConsultation", consultationId=care.consultation_id)
    return care


async def _connect(care: Care, registrar: Person, at: int) -> None:
    id_, name = care.points[at], NAMES[at]
    place = {"tier": "DISTRICT" if at else "CENTRAL", "provinceCode": "15", "province": "Lào Cai"}
    code = f"{uuid4().int % 10**5:05d}"
    await care.tell(registrar, "registerFacility", facilityId=id_, nationalCode=code, nameVi=name, **place)
    service = {"kind": "CONSULTATION", "mode": "REMOTE_CONSULTATION", "speciality": SPECIALITY}
    today = datetime.now(UTC).date().isoformat()
    await care.tell(registrar, "declareServices", facilityId=id_, firstDay=today, services=[service])
    line = {"bitrateKbps": 50_000, "delayMs": 20, "lossPercent": "0.1"}
    await care.tell(registrar, "measureLine", facilityId=id_, line=line, instrument="iperf3")
    await care.tell(registrar, "connectPoint", facilityId=id_)


async def _staff(care: Care, registrar: Person, who: Person) -> None:
    now = datetime.now(UTC)
    licence = {"licenceNumber": f"{uuid4().int % 10**6:06d}/YB-CCHN", "licence": {"first": "2015-01-01"}}
    about = {"fullName": "Bác sĩ Mẫu", "scope": [SPECIALITY], "homeFacilityId": who.facility_id}
    await care.tell(registrar, "registerPractitioner", practitionerId=who.id, **about, **licence)
    hours = {"start": now - timedelta(hours=1), "end": now + timedelta(hours=5)}
    duty = {"assignmentId": uuid4(), "facilityId": who.facility_id, "hours": hours}
    await care.tell(registrar, "assignPractitioner", practitionerId=who.id, **duty)


async def _plan(care: Care) -> None:
    chair, *guests = care.people
    now = datetime.now(UTC)
    it = {"consultationId": care.consultation_id}
    await care.tell(
        chair,
        "planConsultation",
        **it,
        kind="CONSULTATION",
        mode="REMOTE_CONSULTATION",
        title="Hội chẩn mẫu: siêu âm ổ bụng",
        speciality=SPECIALITY,
        period={"start": now, "end": now + timedelta(hours=3)},
        centreId=chair.facility_id,
        responsibleId=chair.id,
        chairId=chair.id,
    )
    for guest in guests:
        await care.tell(chair, "invitePoint", **it, facilityId=guest.facility_id, role="BRIDGE_POINT")


async def start_examination(settings: Settings, care: Care) -> None:
    """The second point examines a patient, who agreed to be recorded, with an ultrasound that is connected."""
    chair, doctor = care.people[:2]
    it = {"examinationId": care.examination_id}
    patient = {"fullName": "Người Bệnh Mẫu", "sex": "FEMALE", "bornIn": 1970}
    nurse = person(settings, "nurse", doctor.facility_id)
    await care.tell(nurse, "registerPatient", patientId=care.patient_id, facilityId=doctor.facility_id, **patient)
    consent = {"purpose": "RECORDING", "templateSha256": "7e" * 32, "manner": "WRITTEN"}
    await care.tell(nurse, "giveConsent", consentId=care.consent_id, patientId=care.patient_id, **consent)
    await care.tell(
        doctor,
        "orderExamination",
        **it,
        patientId=care.patient_id,
        pointId=doctor.facility_id,
        remoteFacilityId=chair.facility_id,
        remoteDoctorId=chair.id,
        kind="CONSULTATION",
        speciality=SPECIALITY,
        consultationId=care.consultation_id,
        sharing={"ground": "LIFE_OR_HEALTH_IN_DANGER", "explanation": "Ca mẫu."},
    )
    await care.tell(doctor, "startExamination", **it)
    about = {"deviceKind": "US", "maker": "Máy siêu âm mẫu"}
    await care.tell(doctor, "connectDevice", **it, deviceId=care.device_id, **about)
