"""The referrals of the five points: written, gated, returned, accepted, scheduled, and in the end closed."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from infra.demo.cases import STORIES, Story
from infra.demo.day import Day, Person
from infra.demo.people import Cast

ANSWERED_BY_ITSELF_WITHIN_S = 5.0
STATUS = "query ($id: UUID!) { referral(referralId: $id) { status } }"


def referral_id(day: Day, story: Story) -> UUID:
    return day.id(f"referral {story.point}")


async def refer(day: Day, cast: Cast) -> None:
    """Each point asks Bach Mai for help with its patient; the clocks run until the request is taken on."""
    for story in STORIES:
        await _refer(day, cast, story)
        await day.beat(0.6)
    for story in STORIES:
        await day.do(cast.specialists[story.point], "acceptReferral", {"referralId": str(referral_id(day, story))})
        await day.beat(0.2)
    day.stage.say("Bạch Mai nhận cả 5 yêu cầu / all five referrals are taken on")


async def _refer(day: Day, cast: Cast, story: Story) -> None:
    doctor, id_ = cast.doctors[story.point], str(referral_id(day, story))
    complete = _request(cast, story)
    first = {**complete, "speciality": story.first_speciality or story.speciality}
    if story.incomplete:
        first["history"] = "đau đầu"
    draft = {"referralId": id_, "patientId": str(cast.patients[story.point].id), "request": first}
    await day.do(cast.nurses[story.point], "draftReferral", draft)
    if story.incomplete:
        await day.try_in_vain(doctor, "submitReferral", {"referralId": id_}, "REFERRAL_INCOMPLETE")
        await day.beat(0.6)
        await day.do(doctor, "reviseReferral", {"referralId": id_, "request": complete})
    await day.do(doctor, "submitReferral", {"referralId": id_})
    day.stage.say(f"{cast.point(story.point).name_vi} gửi yêu cầu hội chẩn {story.speciality_vi} / referral sent")
    if story.first_speciality:
        await _return(day, cast, story, id_)
        await day.do(doctor, "reviseReferral", {"referralId": id_, "request": complete})
        await day.do(doctor, "submitReferral", {"referralId": id_})
        day.stage.say(f"{cast.point(story.point).name_vi} gửi lại đúng chuyên khoa / resubmitted")


async def _return(day: Day, cast: Cast, story: Story, id_: str) -> None:
    reason = f"Sai chuyên khoa: {story.first_speciality}. Wrong speciality."
    given = {"referralId": id_, "reason": reason, "suggestedSpeciality": story.speciality}
    await day.beat(0.4)
    await day.do(cast.responsible, "returnReferral", given)
    day.stage.say(f"Trả lại: nên gửi {story.speciality_vi} / returned, suggested: {story.speciality}")
    await day.beat(0.8)


def _request(cast: Cast, story: Story) -> dict[str, Any]:
    return {
        "receivingFacilityId": str(cast.centre.id),
        "service": "CONSULTATION",
        "speciality": story.speciality,
        "urgency": story.urgency,
        "question": story.question,
        "history": story.history,
        "findings": story.findings,
        "sharing": {"consentId": str(cast.patients[story.point].consent_id)},
    }


async def schedule(day: Day, cast: Cast, consultation_id: UUID) -> None:
    """The five referrals get their time within the consultation."""
    for story in STORIES:
        given = {
            "referralId": str(referral_id(day, story)),
            "period": cast.period,
            "consultationId": str(consultation_id),
        }
        await day.do(cast.responsible, "scheduleReferral", given)
    day.stage.say("5 yêu cầu được xếp vào buổi hội chẩn / scheduled into the consultation")


async def close(day: Day, cast: Cast) -> None:
    """The answer reaches each point, the point reports how it went, and that closes the referral."""
    for story in STORIES:
        await _answered(day, cast.specialists[story.point], story)
        given = {
            "referralId": str(referral_id(day, story)),
            "outcome": story.outcome,
            "adviceFollowed": True,
            "report": story.report,
        }
        await day.do(cast.doctors[story.point], "reportOutcome", given)
        day.stage.say(f"{cast.point(story.point).name_vi}: {story.report}")
        await day.beat(0.4)


async def _answered(day: Day, specialist: Person, story: Story) -> None:
    """Signed minutes answer by themselves where the policies run; otherwise the specialist writes."""
    id_ = str(referral_id(day, story))
    patience = ANSWERED_BY_ITSELF_WITHIN_S if day.policies_run else 0.0
    deadline = time.monotonic() + patience
    while True:
        if (await day.ask(specialist, STATUS, id=id_))["referral"]["status"] == "ANSWERED":
            return
        if time.monotonic() >= deadline:
            break
        await asyncio.sleep(0.05)
    answer = "\n".join(question.conclusion for question in story.questions)
    await day.do(specialist, "answerReferral", {"referralId": id_, "answer": answer, "advice": story.advice})
