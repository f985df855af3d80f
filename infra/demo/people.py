"""Who takes part: invented practitioners with licences, scopes and hours, and the five patients.

Rules: people are new in each run, hospitals are not; a name says that it is a sample; patients ask in writing that
their data be shared before anything is shared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from infra.demo.cases import STORIES, Story
from infra.demo.day import Day, Person, all_of
from infra.demo.hospitals import Hospital, named, network

AT_ONCE = 8
BEFORE, SESSION = timedelta(minutes=10), timedelta(hours=2)
LICENSED_SINCE = "2015-01-01"


@dataclass(frozen=True)
class Patient:
    """A patient of a point, and the consent on which the data is shared."""

    id: UUID
    consent_id: UUID


@dataclass(frozen=True)
class Cast:
    """Everybody, by the code of the hospital where they are."""

    centre: Hospital
    points: tuple[Hospital, ...]
    starts: datetime
    ends: datetime
    chair: Person
    responsible: Person
    specialists: Mapping[str, Person]
    doctors: Mapping[str, Person]
    nurses: Mapping[str, Person]
    observers: tuple[Person, ...]
    patients: Mapping[str, Patient]

    @property
    def period(self) -> dict[str, str]:
        return {"start": self.starts.isoformat(), "end": self.ends.isoformat()}

    def point(self, code: str) -> Hospital:
        return next(point for point in self.points if point.code == code)


def cast_of(day: Day) -> Cast:
    centre, *points = named()
    starts = datetime.now(UTC).replace(microsecond=0)
    others = network()[len(named()) :]
    return Cast(
        centre=centre,
        points=tuple(points),
        starts=starts,
        ends=starts + SESSION,
        chair=day.person("doctor", "GS. Chủ Toạ Mẫu", centre.id),
        responsible=day.person("doctor", "TS. Phụ Trách Mẫu", centre.id),
        specialists={s.point: day.person("doctor", f"BS. {s.speciality_vi} Mẫu", centre.id) for s in STORIES},
        doctors={p.code: day.person("doctor", f"BS. Mẫu {p.name_vi}", p.id) for p in points},
        nurses={p.code: day.person("nurse", f"ĐD. Mẫu {p.name_vi}", p.id) for p in points},
        observers=tuple(day.person("coordinator", h.name_vi, h.id) for h in others),
        patients={s.point: Patient(day.id(f"patient {s.point}"), day.id(f"consent {s.point}")) for s in STORIES},
    )


async def enter_people(day: Day, cast: Cast) -> None:
    """Practitioners with their rosters, then patients with their requests to share."""
    registrar = day.person("registrar", "Cán bộ đăng ký nhân lực")
    scopes: list[tuple[Person, list[str]]] = [
        (cast.chair, ["internal_medicine"]),
        (cast.responsible, ["internal_medicine"]),
        *((cast.specialists[story.point], [story.speciality]) for story in STORIES),
        *((doctor, ["general_practice"]) for doctor in cast.doctors.values()),
    ]
    await all_of(AT_ONCE, *(_practitioner(day, registrar, cast, who, scope) for who, scope in scopes))
    await all_of(AT_ONCE, *(_patient(day, cast, story) for story in STORIES))
    day.stage.say(f"{len(scopes)} bác sĩ có giấy phép và lịch trực / doctors licensed and on duty")
    day.stage.say(f"{len(STORIES)} người bệnh yêu cầu chia sẻ dữ liệu / patients asked in writing to share their data")


async def _practitioner(day: Day, registrar: Person, cast: Cast, who: Person, scope: list[str]) -> None:
    licence: dict[str, Any] = {
        "practitionerId": str(who.id),
        "fullName": who.name,
        "licenceNumber": f"MAU-{who.id.hex[:8]}",
        "licence": {"first": LICENSED_SINCE},
        "scope": scope,
        "homeFacilityId": str(who.facility_id),
    }
    hours = {"start": (cast.starts - BEFORE).isoformat(), "end": (cast.ends + BEFORE).isoformat()}
    duty = {
        "practitionerId": str(who.id),
        "assignmentId": str(day.id(f"duty {who.id}")),
        "facilityId": str(who.facility_id),
        "hours": hours,
    }
    await day.do(registrar, "registerPractitioner", licence)
    await day.do(registrar, "assignPractitioner", duty)


async def _patient(day: Day, cast: Cast, story: Story) -> None:
    nurse, patient = cast.nurses[story.point], cast.patients[story.point]
    person = {
        "patientId": str(patient.id),
        "facilityId": str(nurse.facility_id),
        "fullName": story.patient,
        "sex": story.sex,
        "bornIn": story.born,
    }
    letter = f"Người bệnh {story.patient} yêu cầu chia sẻ dữ liệu với {cast.centre.name_vi}"
    request = {
        "consentId": str(patient.consent_id),
        "patientId": str(patient.id),
        "receivingFacilityId": str(cast.centre.id),
        "documentSha256": hashlib.sha256(letter.encode()).hexdigest(),
        "expiresAt": (cast.ends + timedelta(days=30)).isoformat(),
    }
    await day.do(nurse, "registerPatient", person)
    await day.do(nurse, "requestSharing", request)
