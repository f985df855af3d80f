"""People at work while processes die: some write, some watch.

Rules: whoever writes keeps what he wanted, under which ids he sent it and what he was answered; an answer that did not
come is asked for again under the same id. Some answers are lost on the way by intent, so that sending again is the
usual case and not a rare one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from infra.client import Accepted, Client, Refused, Rejected
from infra.demo.watchers import Watcher
from infra.issuer import issue_token
from infra.settings import Settings

LINE = {"bitrateKbps": 60_000, "delayMs": 20, "lossPercent": "0.1"}
FEED = """
subscription ($after: Position) { events(after: $after) { position events { position commandId } } }
"""
INBOX = """
subscription ($facility: UUID!, $after: Position) {
  referralInbox(receivingFacilityId: $facility, after: $after) {
    position
    events { position commandId }
    referrals { referralId status }
  }
}
"""
# What says nothing about whether the command took effect.
UNKNOWN = frozenset({"UNAVAILABLE", "TIMEOUT"})


class LossyLine(httpx.AsyncHTTPTransport):
    """Loses a share of the answers after the server gave them."""

    def __init__(self, share: float, dice: random.Random) -> None:
        super().__init__()
        self._share, self._dice = share, dice

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if self._dice.random() < self._share:
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("the answer was lost", request=request)
        return response


@dataclass
class Wish:
    """Something that somebody wanted to happen once."""

    name: str
    sent_as: list[UUID]
    answer: Accepted | Rejected | None = None


@dataclass
class Work:
    """Everybody who writes, and everything that they wanted. `new_ids` is the mistake that the rules are there for."""

    settings: Settings
    url: str
    http: httpx.AsyncClient
    new_ids: bool = False
    wishes: list[Wish] = field(default_factory=list)

    def client(self, *roles: str, at: UUID | None = None) -> Client:
        return Client(self.url, issue_token(self.settings, roles, facility=at, minutes=120), self.http)

    async def wish(self, client: Client, name: str, given: Mapping[str, Any]) -> Accepted:
        """Ask until there is an answer, which must be that it happened."""
        wish = Wish(name, [uuid4()])
        self.wishes.append(wish)
        while wish.answer is None:
            try:
                wish.answer = await client.command(name, given, command_id=wish.sent_as[-1])
            except (httpx.TransportError, Refused) as unknown:
                if isinstance(unknown, Refused) and unknown.code not in UNKNOWN:
                    raise
                await asyncio.sleep(0.1)
                if self.new_ids:
                    wish.sent_as.append(uuid4())
        assert isinstance(wish.answer, Accepted), f"{name} was refused: {wish.answer}"
        return wish.answer


@asynccontextmanager
async def at_work(settings: Settings, url: str, seed: int, lost_share: float = 0.05) -> AsyncIterator[Work]:
    line = LossyLine(lost_share, random.Random(seed))
    async with httpx.AsyncClient(transport=line, trust_env=False) as http:
        yield Work(settings, url, http)


@dataclass
class Ward:
    """One facility whose staff writes on and on: of its line, of its patient, and referrals to another one."""

    work: Work
    partner_id: UUID
    facility_id: UUID = field(default_factory=uuid4)
    patient_id: UUID = field(default_factory=uuid4)

    async def open(self) -> None:
        registrar = self.work.client("registrar")
        await self.work.wish(registrar, "registerFacility", _registration(self.facility_id))
        patient = {"patientId": str(self.patient_id), "facilityId": str(self.facility_id), "sex": "UNKNOWN"}
        await self.work.wish(registrar, "registerPatient", {**patient, "fullName": "Người bệnh Mẫu", "bornIn": 1951})

    async def write(self, over: asyncio.Event, pause_s: float = 0.05) -> None:
        """Round after round until it is over; what was begun is brought to its end."""
        staff = self.work.client("coordinator", "doctor", at=self.facility_id)
        while not over.is_set():
            await self._round(staff)
            await asyncio.sleep(pause_s)

    async def _round(self, staff: Client) -> None:
        referral_id = str(uuid4())
        request = {"receivingFacilityId": str(self.partner_id), "speciality": "cardiology", "urgency": "URGENT"}
        measured = {"facilityId": str(self.facility_id), "line": LINE, "instrument": "iperf3"}
        drafted = {"referralId": referral_id, "patientId": str(self.patient_id), "request": request}
        for _ in range(3):
            await self.work.wish(staff, "measureLine", measured)
        await self.work.wish(staff, "draftReferral", drafted)
        revised = {**request, "question": "Có cần can thiệp mạch vành không?"}
        await self.work.wish(staff, "reviseReferral", {"referralId": referral_id, "request": revised})


def _registration(facility_id: UUID) -> dict[str, Any]:
    return {
        "facilityId": str(facility_id),
        "nationalCode": f"19-{facility_id.hex[:6]}",
        "nameVi": f"Bệnh viện Mẫu {facility_id.hex[:6]}",
        "tier": "PROVINCIAL",
        "provinceCode": "19",
        "province": "Thái Nguyên",
    }


@dataclass
class Watch:
    """A subscriber, and what he has to be told: a condition on events, in which $1 is his facility."""

    watcher: Watcher
    due: str
    facility_id: UUID | None = None

    @classmethod
    def everything(cls, work: Work) -> Watch:
        return cls(Watcher("auditor", work.client("auditor").subscribe(FEED)), "$1::uuid is null")

    @classmethod
    def of_facility(cls, work: Work, facility_id: UUID) -> Watch:
        client = work.client("coordinator", at=facility_id)
        cases = "originator_id in (select stream_id from audience where party_id = $1)"
        return cls(Watcher(f"coordinator of {facility_id}", client.subscribe(FEED)), cases, facility_id)

    @classmethod
    def of_inbox(cls, work: Work, ward: Ward) -> Watch:
        """Those of another facility's inbox that his own has sent."""
        client = work.client("doctor", at=ward.facility_id)
        own = "originator_id in (select referral_id from referral_inbox where asking_facility_id = $1)"
        watcher = Watcher(f"doctor of {ward.facility_id}", client.subscribe(INBOX, facility=str(ward.partner_id)))
        return cls(watcher, own, ward.facility_id)


@asynccontextmanager
async def watching(watches: Sequence[Watch]) -> AsyncIterator[None]:
    """All of them are told what happens while the block runs; one who gives up is a failure of his own."""
    tasks = [asyncio.create_task(watch.watcher.watch()) for watch in watches]
    async with asyncio.timeout(90):
        await asyncio.gather(*(watch.watcher.reached(0) for watch in watches))
    yield
    for task in tasks:
        if task.done():
            task.result()
    await asyncio.gather(*(watch.watcher.subscription.close() for watch in watches))
    await asyncio.gather(*tasks)


@asynccontextmanager
async def writing(wards: Sequence[Ward]) -> AsyncIterator[None]:
    over = asyncio.Event()
    tasks = [asyncio.create_task(ward.write(over)) for ward in wards]
    yield
    over.set()
    await asyncio.gather(*tasks)
