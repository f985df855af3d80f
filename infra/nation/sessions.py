"""Live sessions: a hospital as the centre, and two to six points that each present a patient.

Rules: points come on the line in the minute before the beginning, all at once, which is what makes the bursts of a
day; a line may drop while another point has the floor, and comes back to its place; the minutes are signed by every
side, and then answer each referral under the id that the policy gives. In a teaching session others watch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from commands._ids import derived_id
from commands.consultation import (
    ConfirmPoint,
    GiveFloor,
    InvitePoint,
    JoinPoint,
    LeavePoint,
    OpenConsultation,
    PlanConsultation,
)
from commands.consultation_minutes import (
    CloseConsultation,
    ConcludeIssue,
    GiveOpinion,
    PresentCase,
    RaiseIssue,
    SignMinutes,
)
from commands.policies import signed_minutes_answer_the_referrals
from commands.referral import AcceptReferral, ScheduleReferral
from commands.referral_answer import AnswerByMinutes
from domain._points import GuestRole, LeaveReason
from domain._values import ConsultationKind, Period, RemoteMode, Urgency
from infra.nation.bedside import REACTS_AFTER
from infra.nation.case import Case, Script
from infra.nation.geography import Site
from infra.nation.illnesses import ILLNESSES
from infra.nation.people import OFFERED, coordinator, doctor_of
from infra.nation.rhythm import at as on
from infra.nation.step import SYSTEM, Step

# Sessions begin at these half hours, more of them in the morning.
STARTS = tuple(time(hour, minute) for hour in (8, 9, 10, 13, 14, 15, 16) for minute in (0, 30))
FEWEST, MOST, MOST_OBSERVERS = 2, 6, 10
TEACHES, DROPS = 0.2, 0.18
PREPARED_BEFORE = timedelta(minutes=60)
FOR_A_CASE = timedelta(minutes=9)


def starts_at(day: date, script: Script) -> datetime:
    """Two of three before noon."""
    half = STARTS[: len(STARTS) // 2 + 1] if script.chance.happens(0.6) else STARTS
    return on(day, script.chance.one_of(half))


class Session:
    """The steps of one consultation, counted as its stream counts its events."""

    def __init__(self, script: Script, centre: Site, guests: Sequence[Site], watching: Sequence[Site], start: datetime):
        chance, seed = script.chance, script.seed
        self._script, self._centre, self._watching, self._start = script, centre, watching, start
        self.id = script.id("consultation")
        self._version = 0
        # The speciality is that of the first illness drawn that the centre can help with.
        able = [(one, share) for one, share in ILLNESSES if one.speciality in OFFERED[centre.tier]]
        drawn = chance.draw() * sum(share for _, share in able)
        illness = able[-1][0]
        for one, share in able:
            drawn -= share
            if drawn < 0:
                illness = one
                break
        self._illness = illness
        turn = chance.below(100)
        self._responsible = doctor_of(seed, centre, illness.speciality, turn)
        self._chair = doctor_of(seed, centre, illness.speciality, turn + 1)
        self._cases = [Case(script, f"point {n}", one, centre, illness, Urgency.URGENT) for n, one in enumerate(guests)]
        self._period = Period(start=start, end=start + timedelta(minutes=20) + FOR_A_CASE * len(guests))
        self._at = start - PREPARED_BEFORE

    def steps(self) -> Iterator[Step]:
        yield from self._planned()
        yield from self._referred()
        yield from self._opened()
        for n, case in enumerate(self._cases):
            yield from self._discussed(n, case)
        yield from self._signed()
        yield from self._answered()

    def _planned(self) -> Iterator[Step]:
        desk = coordinator(self._script.seed, self._centre)
        yield self._step(
            60,
            desk,
            PlanConsultation,
            2,
            kind=ConsultationKind.CONSULTATION,
            mode=RemoteMode.REMOTE_CONSULTATION,
            title=f"Hội chẩn {self._illness.speciality}",
            speciality=self._illness.speciality,
            period=self._period,
            centre_id=self._centre.id,
            responsible_id=self._responsible.id,
            chair_id=self._chair.id,
            teaching=bool(self._watching),
        )
        for site, role in self._guests():
            yield self._step(40, desk, InvitePoint, facility_id=site.id, role=role)
        for site, _ in self._guests():
            yield self._step(60, coordinator(self._script.seed, site), ConfirmPoint, facility_id=site.id)

    def _guests(self) -> Iterator[tuple[Site, GuestRole]]:
        yield from ((case.asking, GuestRole.BRIDGE_POINT) for case in self._cases)
        yield from ((site, GuestRole.OBSERVER) for site in self._watching)

    def _referred(self) -> Iterator[Step]:
        for case in self._cases:
            yield from case.arrives(self._next(30))
            self._at += timedelta(seconds=90)
            yield case.drafted(self._next(60), self._illness.speciality)
            yield case.submitted(self._next(40))
        for case in self._cases:
            referral = {"referral_id": case.referral_id}
            yield self._script.step(self._next(40), self._responsible.acts, AcceptReferral, **referral)
            given = {**referral, "period": self._period, "consultation_id": self.id}
            yield self._script.step(self._next(20), self._responsible.acts, ScheduleReferral, **given)

    def _opened(self) -> Iterator[Step]:
        self._at = max(self._at, self._start - timedelta(minutes=3))
        yield self._step(20, self._responsible.acts, OpenConsultation, 2)
        for site, _ in self._guests():
            yield self._step(6, coordinator(self._script.seed, site), JoinPoint, facility_id=site.id)

    def _discussed(self, n: int, case: Case) -> Iterator[Step]:
        script, chair = self._script, self._chair.acts
        case_id, issue_id = script.id(f"case {n}"), script.id(f"issue {n}")
        yield self._step(30, chair, GiveFloor, facility_id=case.asking.id)
        told = case.request(self._illness.speciality)
        summary = f"{told.history} {told.findings}"
        presented = {"patient_id": case.patient.id, "summary": summary, "referral_id": case.referral_id}
        yield self._step(120, case.doctor.acts, PresentCase, case_id=case_id, **presented)
        question = self._illness.question
        yield self._step(60, case.doctor.acts, RaiseIssue, issue_id=issue_id, case_id=case_id, question=question)
        opinion = {"speciality": self._illness.speciality, "opinion": self._illness.assessment}
        yield self._step(150, self._responsible.acts, GiveOpinion, issue_id=issue_id, **opinion)
        colleague = self._cases[n - 1].doctor
        heard = {"speciality": colleague.speciality, "opinion": "Đồng ý, theo dõi tại điểm cầu / agreed"}
        yield self._step(60, colleague.acts, GiveOpinion, issue_id=issue_id, **heard)
        yield self._step(60, chair, ConcludeIssue, issue_id=issue_id, conclusion=self._illness.advice)
        if script.chance.happens(DROPS):
            yield from self._dropped(case)

    def _dropped(self, case: Case) -> Iterator[Step]:
        lost = {"facility_id": case.asking.id, "reason": LeaveReason.LINE_LOST}
        yield self._step(20, SYSTEM, LeavePoint, **lost)
        back = coordinator(self._script.seed, case.asking)
        yield self._step(90, back, JoinPoint, facility_id=case.asking.id)

    def _signed(self) -> Iterator[Step]:
        yield self._step(30, self._responsible.acts, CloseConsultation)
        yield self._step(120, self._responsible.acts, SignMinutes, 1, True, facility_id=self._centre.id)
        for n, case in enumerate(self._cases, 1):
            # The last signature completes the minutes, which is an event of its own.
            events = 2 if n == len(self._cases) else 1
            yield self._step(240, case.doctor.acts, SignMinutes, events, True, facility_id=case.asking.id)

    def _answered(self) -> Iterator[Step]:
        rule, at = signed_minutes_answer_the_referrals.__name__, self._at + REACTS_AFTER
        for n, case in enumerate(self._cases):
            id_ = derived_id(self.id, f"{self._version}:{rule}:{n}")
            given = {"referral_id": case.referral_id, "consultation_id": self.id}
            yield Step(at, self._script.chain, id_, SYSTEM, AnswerByMinutes, given)
        reports = [step for case in self._cases for step in case.closed(at)]
        yield from sorted(reports, key=lambda step: step.at)

    def _next(self, within_s: int) -> datetime:
        self._at = self._script.later(self._at, 1, within_s)
        return self._at

    def _step(self, within_s: int, by: Any, kind: Any, events: int = 1, signs: bool = False, /, **given: Any) -> Step:
        self._version += events
        return self._script.step(self._next(within_s), by, kind, signs, consultation_id=self.id, **given)


def session(script: Script, day: date, centres: Sequence[Site], asked_by: dict[int, Sequence[Site]]) -> Iterator[Step]:
    chance = script.chance
    centre = chance.one_of(centres)
    around = asked_by[centre.number]
    first, size = chance.below(len(around)), min(len(around), chance.between(FEWEST, MOST))
    # Neighbours in the list are of different districts; each comes once.
    guests = [around[(first + n) % len(around)] for n in range(size)]
    watching: Sequence[Site] = ()
    if chance.happens(TEACHES):
        others = min(len(around) - size, chance.between(1, MOST_OBSERVERS))
        watching = [around[(first + size + n) % len(around)] for n in range(others)]
    return Session(script, centre, guests, watching, starts_at(day, script)).steps()
