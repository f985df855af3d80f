"""One patient for whom one facility asks another: who they are, and how the request gets there.

Rules: a script yields steps in the order of their times and keeps no more in hand than its next one needs, since a
hundred thousand may be open at once. Every id follows from the case and the command, so nothing is done twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from commands._command import Command
from commands.consent import RequestSharing
from commands.patient import RegisterPatient
from commands.policies import overdue
from commands.referral import DraftReferral, ReturnReferral, ReviseReferral, SubmitReferral
from commands.referral_answer import ReportOutcome
from domain._kernel import Actor
from domain._reference import ReferenceData
from domain._sharing import SharingBasis
from domain._values import ConsultationKind, Tier, Urgency, local_day
from domain.referral import PatientOutcome, Request
from infra.nation.chance import Chance
from infra.nation.geography import Site, namespace
from infra.nation.illnesses import Illness
from infra.nation.people import OFFERED, doctor_of, ill, nurse
from infra.nation.step import SYSTEM, Step

OUTCOMES: tuple[tuple[PatientOutcome, float], ...] = (
    (PatientOutcome.IMPROVED, 0.52),
    (PatientOutcome.RECOVERED, 0.27),
    (PatientOutcome.UNCHANGED, 0.14),
    (PatientOutcome.WORSENED, 0.04),
    (PatientOutcome.LEFT_CARE, 0.03),
)
OUTCOME_REPORTED = 0.88
SHARED_FOR = timedelta(days=180)


class Script:
    """Makes the steps of one chain."""

    def __init__(self, seed: int, key: str) -> None:
        self.seed, self.key, self.chain = seed, key, uuid5(namespace(seed), f"case {key}")
        self.chance = Chance(seed, "case", key)
        self.told: Counter[UUID] = Counter()
        self._names: Counter[str] = Counter()

    def id(self, name: str) -> UUID:
        return uuid5(self.chain, name)

    def step(self, at: datetime, by: Actor, kind: type[Command], signs: bool = False, /, **given: Any) -> Step:
        """The next command of this kind; its id says the how many-eth it is."""
        self._names[kind.__name__] += 1
        return Step(at, self.chain, self.id(f"{kind.__name__} {self._names[kind.__name__]}"), by, kind, given, signs)

    def later(self, at: datetime, least_s: int, most_s: int) -> datetime:
        return at + timedelta(seconds=self.chance.between(least_s, most_s))


class Case:
    """The cast of one case, and the steps that every case has. `script` is the chain that it belongs to."""

    def __init__(
        self, script: Script, name: str, asking: Site, helping: Site, illness: Illness, urgency: Urgency
    ) -> None:
        seed, chance = script.seed, script.chance
        self.script, self.asking, self.helping, self.illness, self.urgency = script, asking, helping, illness, urgency
        self.patient = ill(seed, asking, f"{script.key} {name}", chance)
        self.age, self.days = chance.between(1, 88), chance.between(1, 14)
        turn = chance.below(1_000)
        self.doctor = doctor_of(seed, asking, OFFERED[asking.tier][turn % len(OFFERED[asking.tier])], turn)
        self.nurse = nurse(seed, asking)
        self.specialist = doctor_of(seed, helping, illness.speciality, turn)
        self.referral_id, self.consent_id = script.id(f"{name} referral"), script.id(f"{name} consent")
        self.submissions = 0

    def arrives(self, at: datetime) -> Iterator[Step]:
        """The patient is registered, unless known, and asks in writing that its data be shared."""
        patient, step = self.patient, self.script.step
        known_as = {
            "patient_id": patient.id,
            "facility_id": self.asking.id,
            "full_name": patient.name,
            "sex": patient.sex,
            "born_in": patient.born_in,
        }
        id_ = uuid5(namespace(self.script.seed), f"registered {patient.id}")
        yield Step(at, self.script.chain, id_, self.nurse, RegisterPatient, known_as, shared=True)
        yield step(
            at + timedelta(seconds=90),
            self.nurse,
            RequestSharing,
            consent_id=self.consent_id,
            patient_id=patient.id,
            receiving_facility_id=self.helping.id,
            document_sha256=hashlib.sha256(self.consent_id.bytes).hexdigest(),
            expires_at=at + SHARED_FOR,
        )

    def drafted(self, at: datetime, speciality: str) -> Step:
        request = {"patient_id": self.patient.id, "request": self.request(speciality)}
        return self.script.step(at, self.nurse, DraftReferral, referral_id=self.referral_id, **request)

    def submitted(self, at: datetime) -> Step:
        self.submissions += 1
        return self.script.step(at, self.doctor.acts, SubmitReferral, referral_id=self.referral_id)

    def returned(self, at: datetime) -> Step:
        return self.script.step(
            at,
            self.specialist.acts,
            ReturnReferral,
            referral_id=self.referral_id,
            reason="Sai chuyên khoa, đề nghị gửi lại / wrong speciality, please send again",
            suggested_speciality=self.illness.speciality,
        )

    def revised(self, at: datetime) -> Step:
        request = self.request(self.illness.speciality)
        return self.script.step(at, self.doctor.acts, ReviseReferral, referral_id=self.referral_id, request=request)

    def ran_out(self, submitted_at: datetime, answered_at: datetime, reference: ReferenceData) -> Iterator[Step]:
        """The house notes that its clock ran out, when the first answer came too late."""
        due = submitted_at + reference.first_answer_within(self.urgency, local_day(submitted_at))
        found = overdue(self.referral_id, due, self.submissions, answered_at)
        if found is not None:
            id_, command = found
            given = {"referral_id": self.referral_id, "submission": command.submission}
            yield Step(due, self.script.chain, id_, SYSTEM, type(command), given)

    def closed(self, at: datetime) -> Iterator[Step]:
        """The asking side reports how it went, if it does."""
        chance = self.script.chance
        outcome, reported = chance.weighed(OUTCOMES), chance.happens(OUTCOME_REPORTED)
        follows, wait = chance.happens(0.93), timedelta(seconds=int(chance.around(7_200, 0.9)))
        if reported:
            yield self.script.step(
                at + wait,
                self.doctor.acts,
                ReportOutcome,
                referral_id=self.referral_id,
                outcome=outcome,
                advice_followed=follows,
                report="Người bệnh được theo dõi tại điểm cầu theo tư vấn / cared for at the point as advised",
            )

    def request(self, speciality: str) -> Request:
        illness = self.illness
        return Request(
            receiving_facility_id=self.helping.id,
            service=ConsultationKind.CONSULTATION,
            speciality=speciality,
            urgency=self.urgency,
            question=illness.question,
            history=f"Người bệnh {self.age} tuổi, {self.days} ngày nay {illness.complaint}.",
            findings=illness.findings,
            sharing=SharingBasis(consent_id=self.consent_id),
        )


def line_of(site: Site, chance: Chance) -> dict[str, Any]:
    """What the line of a site gives while a picture is taken: now and then less than a diagnosis needs."""
    poor = chance.happens(0.22 if site.tier is Tier.COMMUNE else 0.07)
    given = int(min(site.line_kbps, 6_000) * (0.15 + 0.35 * chance.draw() if poor else 0.7 + 0.3 * chance.draw()))
    loss = chance.between(8, 60) if poor else chance.between(0, 7)
    return {
        "bitrate_kbps": given,
        "delay_ms": chance.between(120, 420) if poor else chance.between(15, 110),
        "loss_percent": Decimal(loss) / 10,
        "width": 640 if poor else 1280,
        "height": 360 if poor else 720,
        "frames_per_second": Decimal(chance.between(8, 20) if poor else chance.between(25, 30)),
    }
