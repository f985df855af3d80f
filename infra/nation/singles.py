"""A case by itself: referred, perhaps returned, answered in writing or by an examination, and closed.

Rules: how long a request waits depends on its urgency and on the province, and follows a long-tailed curve; about one
of eight goes to the wrong speciality first. What does not come in time is noted by the house when its clock runs out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from commands.referral import AcceptReferral, CancelReferral, DeclineReferral, ScheduleReferral
from commands.referral_answer import AnswerReferral
from domain._reference import ReferenceData
from domain._values import VIETNAM_TIME, Period, Tier, Urgency
from infra.nation.bedside import Examination
from infra.nation.case import Case, Script
from infra.nation.chance import Chance
from infra.nation.geography import Site
from infra.nation.illnesses import ILLNESSES, Illness
from infra.nation.people import OFFERED
from infra.nation.rhythm import DUTY_FROM, DUTY_UNTIL, within_duty
from infra.nation.step import Step

ASKED_BY: tuple[tuple[Tier, float], ...] = ((Tier.COMMUNE, 0.66), (Tier.DISTRICT, 0.25), (Tier.PROVINCIAL, 0.09))
URGENCIES: tuple[tuple[Urgency, float], ...] = (
    (Urgency.EMERGENCY, 0.08),
    (Urgency.URGENT, 0.27),
    (Urgency.ROUTINE, 0.65),
)
WAITS_S = {Urgency.EMERGENCY: 330.0, Urgency.URGENT: 4_500.0, Urgency.ROUTINE: 14_000.0}
SPREAD = 0.9
RETURNED, DECLINED, CANCELLED, EXAMINED, SCHEDULED = 0.13, 0.02, 0.02, 0.85, 0.6


def asking_site(network: Sequence[Site], by_tier: dict[Tier, Sequence[Site]], chance: Chance) -> Site:
    """Some ask more than others: half of the cases come from two fifths of a tier's facilities."""
    ones = by_tier.get(chance.weighed(ASKED_BY)) or network[-1:]
    return ones[int(len(ones) * chance.draw() ** 1.3)]


def helper_of(network: Sequence[Site], asking: Site, illness: Illness, chance: Chance) -> Site:
    """The nearest that offers the speciality; now and then one further off."""
    helpers = [network[number] for number in asking.helpers]
    able = [one for one in helpers if illness.speciality in OFFERED[one.tier]]
    return able[-1] if chance.happens(0.25) else able[0]


def single(
    seed: int,
    network: Sequence[Site],
    by_tier: dict[Tier, Sequence[Site]],
    key: str,
    at: datetime,
    reference: ReferenceData,
) -> Iterator[Step]:
    script = Script(seed, key)
    chance = script.chance
    asking, illness = asking_site(network, by_tier, chance), chance.weighed(ILLNESSES)
    helping = helper_of(network, asking, illness, chance)
    case = Case(script, "single", asking, helping, illness, chance.weighed(URGENCIES))
    yield from case.arrives(at)
    yield from _referred(case, script.later(at, 180, 600), reference)


def _referred(case: Case, at: datetime, reference: ReferenceData) -> Iterator[Step]:
    chance, step = case.script.chance, case.script.step
    wrong = chance.happens(RETURNED)
    yield case.drafted(at, _wrong_one(case) if wrong else case.illness.speciality)
    at = case.script.later(at, 60, 600)
    yield case.submitted(at)
    if chance.happens(CANCELLED):
        reason = "Người bệnh tự đến bệnh viện / the patient went to the hospital"
        at = case.script.later(at, 60, 300)
        yield step(at, case.doctor.acts, CancelReferral, referral_id=case.referral_id, reason=reason)
        return
    sent, at = at, _answered_at(case, at)
    yield from case.ran_out(sent, at, reference)
    if wrong:
        yield case.returned(at)
        at = case.script.later(at, 300, 5_400)
        yield case.revised(at)
        at = case.script.later(at, 60, 300)
        yield case.submitted(at)
        sent, at = at, _answered_at(case, at)
        yield from case.ran_out(sent, at, reference)
    yield from _taken_on(case, at)


def _taken_on(case: Case, at: datetime) -> Iterator[Step]:
    chance, step, referral = case.script.chance, case.script.step, {"referral_id": case.referral_id}
    if chance.happens(DECLINED):
        reason = "Không có bác sĩ trực chuyên khoa / no specialist on duty"
        yield step(at, case.specialist.acts, DeclineReferral, **referral, reason=reason)
        yield from case.closed(at)
        return
    yield step(at, case.specialist.acts, AcceptReferral, **referral)
    if chance.happens(EXAMINED) and _on_duty(at):
        yield from _examined(case, at)
        return
    at = case.script.later(at, 180, 2_400)
    yield _written(case, at)
    yield from case.closed(at)


def _examined(case: Case, at: datetime) -> Iterator[Step]:
    chance = case.script.chance
    begins = within_duty(case.script.later(at, 300, 3_600))
    if chance.happens(SCHEDULED):
        period = Period(start=begins, end=begins + timedelta(minutes=45))
        at = case.script.later(at, 20, 200)
        yield case.script.step(at, case.specialist.acts, ScheduleReferral, referral_id=case.referral_id, period=period)
    examination = Examination(case, begins)
    yield from examination.made()
    at = examination.ends
    if examination.aborted:
        at = case.script.later(at, 300, 1_800)
        yield _written(case, at)
    yield from case.closed(at)


def _written(case: Case, at: datetime) -> Step:
    given = {"answer": case.illness.assessment, "advice": case.illness.advice}
    return case.script.step(at, case.specialist.acts, AnswerReferral, referral_id=case.referral_id, **given)


def _wrong_one(case: Case) -> str:
    """A speciality that the helping side has, but not for this."""
    offered = OFFERED[case.helping.tier]
    if case.illness.taken_for in offered:
        return case.illness.taken_for
    return next(one for one in offered if one != case.illness.speciality)


def _answered_at(case: Case, sent: datetime) -> datetime:
    """Emergencies are answered at any hour, others while somebody is on duty."""
    land = 0.7 + 1.1 * Chance(case.script.seed, "waits of", case.asking.province.code).draw()
    wait = timedelta(seconds=int(case.script.chance.around(WAITS_S[case.urgency] * land, SPREAD)))
    answered = sent + max(wait, timedelta(seconds=45))
    return answered if case.urgency is Urgency.EMERGENCY else within_duty(answered)


def _on_duty(at: datetime) -> bool:
    local = at.astimezone(VIETNAM_TIME).time()
    return DUTY_FROM < local < time(DUTY_UNTIL.hour - 2, DUTY_UNTIL.minute)
