"""What the views show at the end of the day, asked for by those who may see it, up to the last position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from infra.demo.cases import STORIES
from infra.demo.day import Day
from infra.demo.network import DAY
from infra.demo.people import Cast
from infra.demo.referrals import referral_id

CONSULTATION = """
query ($id: UUID!, $position: Position) {
  consultationBoard(consultationId: $id, minPosition: $position) {
    position status
    cases { caseId }
    issues { issueId opinions conclusion }
    attendance { role presence points }
  }
  consultationMinutes(consultationId: $id) {
    status genuine contentSha256
    versions { minutesVersion contentSha256 signatures { facilityId } completedAt }
  }
}
"""
PATIENT = """
query ($referral: UUID!, $examination: UUID!, $position: Position) {
  referral(referralId: $referral, minPosition: $position) { status submission outcome consultationId }
  examination(examinationId: $examination) { status images imagesForDiagnosis contentSha256 }
}
"""
NETWORK = """
query ($then: Date!, $today: Date!, $position: Position) {
  then: deploymentProgress(day: $then, minPosition: $position) { connected provincesConnected }
  now: deploymentProgress(day: $today) { connected targets { points percent reached } }
}
"""
VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True)
class Views:
    """Rows as the API gave them; referrals and examinations by their ids."""

    board: Mapping[str, Any]
    minutes: Mapping[str, Any]
    referrals: Mapping[str, Mapping[str, Any]]
    examinations: Mapping[str, Mapping[str, Any]]
    then: Mapping[str, Any]
    now: Mapping[str, Any]


async def read_views(day: Day, cast: Cast, consultation_id: UUID, position: int) -> Views:
    """Everything at or behind this position."""
    session = await day.ask(cast.chair, CONSULTATION, id=str(consultation_id), position=position)
    referrals: dict[str, Mapping[str, Any]] = {}
    examinations: dict[str, Mapping[str, Any]] = {}
    for story in STORIES:
        referral, examination = str(referral_id(day, story)), str(day.id(f"examination {story.point}"))
        doctor = cast.doctors[story.point]
        rows = await day.ask(doctor, PATIENT, referral=referral, examination=examination, position=position)
        referrals[referral], examinations[examination] = rows["referral"], rows["examination"]
    coordinator = day.person("coordinator", "Điều phối mạng lưới")
    today = datetime.now(UTC).astimezone(VIETNAM).date().isoformat()
    network = await day.ask(coordinator, NETWORK, then=DAY, today=today, position=position)
    return Views(
        board=session["consultationBoard"],
        minutes=session["consultationMinutes"],
        referrals=referrals,
        examinations=examinations,
        then=network["then"],
        now=network["now"],
    )
