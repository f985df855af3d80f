"""Who was on the line of a room when, and with which quality: the evidence that a session took place, and how well?

One row for each participant and room, from facts alone: stays, seconds on each rung of the ladder, every step with the
numbers that made it, every crossing of the gate for diagnosis, and the worst that was measured at any of them. Between
facts nothing crossed a limit; the numbers of every second are metrics and not kept here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from domain._kernel import Recorded
from domain._live import LegQuality, Part, ParticipantKind, Rung, StepCause, Transport
from domain.live_session import (
    AdmissionChanged,
    DiagnosticQualityLost,
    DiagnosticQualityReached,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantLost,
    QualityDegraded,
    QualityRestored,
    TransportChanged,
)
from projections._live import Measurement, measurement
from projections._page import Condition, Page, matching, page, select
from projections._table import Row
from projections._view import Connection, Content, View
from projections.live_session import LiveSession


class LinkWay(TypedDict):
    """Over which kind of way, as far as it was told."""

    path: str | None
    protocol: str | None
    dtls: str | None
    cipher: str | None
    srtp_profile: str | None
    setup_ms: int | None
    rtt_ms: int | None


class LinkStay(LinkWay):
    """On the line from `since` to `until`, and why not longer; and by which way it began."""

    since: datetime
    until: datetime | None
    because: str | None


class LinkChange(LinkWay):
    """In the middle of a stay the line came over another network, or by another way."""

    at: datetime


class LinkStep(TypedDict):
    """A step of the ladder, with what was measured."""

    at: datetime
    before: Rung
    now: Rung
    cause: StepCause
    measured: Measurement
    because: str | None


class GateCrossing(TypedDict):
    """A picture came to be, or no longer was, good enough for a diagnosis."""

    at: datetime
    track_id: UUID
    diagnostic: bool
    measured: Measurement


@dataclass(slots=True, kw_only=True)
class LinkLine(Row):
    """One participant's line in one room. Seconds count what is over; the rung that lasts began at `rungSince`."""

    live_session_id: UUID
    participant_id: UUID
    person_id: UUID
    facility_id: UUID | None
    kind: ParticipantKind
    part: Part
    admitted_at: datetime
    stays: list[LinkStay] = field(default_factory=list)
    changes: list[LinkChange] = field(default_factory=list)
    times_lost: int = 0
    rung: Rung | None = None
    rung_since: datetime | None = None
    seconds_two_way_hd: int = 0
    seconds_low: int = 0
    seconds_audio: int = 0
    seconds_chat_and_stills: int = 0
    steps: list[LinkStep] = field(default_factory=list)
    crossings: list[GateCrossing] = field(default_factory=list)
    worst_loss_percent: Decimal | None = None
    worst_rtt_ms: int | None = None
    worst_jitter_ms: int | None = None
    worst_bitrate_kbps: int | None = None


@dataclass(frozen=True)
class Overlap:
    """How long people of the host and of this facility, or the patient's side, were on the line together."""

    facility_id: UUID | None
    both_joined: bool
    seconds: int


view = View("link_ledger", version=3, content=Content.CASE, stream="live_session_id")
lines_ = view.table(
    LinkLine, ("live_session_id", "participant_id"), indexes=["facility_id, admitted_at", "admitted_at, participant_id"]
)


@lines_.inserts(ParticipantAdmitted)
def admitted(event: ParticipantAdmitted, at: Recorded) -> LinkLine:
    return LinkLine(
        live_session_id=at.stream_id,
        participant_id=event.participant_id,
        person_id=event.person_id,
        facility_id=event.facility_id,
        kind=event.kind,
        part=event.part,
        admitted_at=at.happened_at,
    )


def _line(event: ParticipantJoined | QualityDegraded, at: Recorded) -> tuple[UUID, UUID]:
    return at.stream_id, event.participant_id


@lines_.updates(AdmissionChanged, key=_line)
def admission_changed(row: LinkLine, event: AdmissionChanged, at: Recorded) -> None:
    row.kind, row.part, row.facility_id = event.kind, event.part, event.facility_id


@lines_.updates(ParticipantJoined, key=_line)
def joined(row: LinkLine, event: ParticipantJoined, at: Recorded) -> None:
    stay = LinkStay(since=at.happened_at, until=None, because=None, **_way(event.transport))
    row.stays = [*row.stays, stay]
    row.rung, row.rung_since = Rung.TWO_WAY_HD, at.happened_at


@lines_.updates(TransportChanged, key=_line)
def way_changed(row: LinkLine, event: TransportChanged, at: Recorded) -> None:
    row.changes = [*row.changes, LinkChange(at=at.happened_at, **_way(event.transport))]


@lines_.updates(ParticipantLeft, ParticipantLost, key=_line)
def gone(row: LinkLine, event: ParticipantLeft | ParticipantLost, at: Recorded) -> None:
    row.stays[-1]["until"], row.stays[-1]["because"] = at.happened_at, event.cause
    row.times_lost += isinstance(event, ParticipantLost)
    _count_rung(row, at.happened_at)
    row.rung = row.rung_since = None


@lines_.updates(QualityDegraded, QualityRestored, key=_line)
def stepped(row: LinkLine, event: QualityDegraded | QualityRestored, at: Recorded) -> None:
    step = LinkStep(
        at=at.happened_at,
        before=event.before,
        now=event.now,
        cause=event.cause,
        measured=measurement(event.measured),
        because=event.because,
    )
    row.steps = [*row.steps, step]
    _count_rung(row, at.happened_at)
    row.rung, row.rung_since = event.now, at.happened_at
    _worst(row, event.measured)


@lines_.updates(DiagnosticQualityReached, DiagnosticQualityLost, key=_line)
def crossed(row: LinkLine, event: DiagnosticQualityReached | DiagnosticQualityLost, at: Recorded) -> None:
    crossing = GateCrossing(
        at=at.happened_at,
        track_id=event.track_id,
        diagnostic=isinstance(event, DiagnosticQualityReached),
        measured=measurement(event.measured),
    )
    row.crossings = [*row.crossings, crossing]
    _worst(row, event.measured)


def _way(transport: Transport | None) -> LinkWay:
    return LinkWay(
        path=transport.path if transport else None,
        protocol=transport.protocol if transport else None,
        dtls=transport.dtls if transport else None,
        cipher=transport.cipher if transport else None,
        srtp_profile=transport.srtp_profile if transport else None,
        setup_ms=transport.setup_ms if transport else None,
        rtt_ms=transport.rtt_ms if transport else None,
    )


def _count_rung(row: LinkLine, until: datetime) -> None:
    if row.rung is None or row.rung_since is None:
        return
    column = f"seconds_{row.rung.value}"
    setattr(row, column, getattr(row, column) + round((until - row.rung_since).total_seconds()))


def _worst(row: LinkLine, measured: LegQuality) -> None:
    row.worst_loss_percent = max(measured.loss_percent, row.worst_loss_percent or measured.loss_percent)
    row.worst_rtt_ms = max(measured.rtt_ms, row.worst_rtt_ms or 0)
    row.worst_jitter_ms = max(measured.jitter_ms, row.worst_jitter_ms or 0)
    known = row.worst_bitrate_kbps
    row.worst_bitrate_kbps = measured.bitrate_kbps if known is None else min(measured.bitrate_kbps, known)


# Questions ---------------------------------------------------------------------------------------------------

Span = tuple[datetime, datetime]


async def lines_of(db: Connection, live_session_id: UUID) -> list[LinkLine]:
    """The lines of one room, in the order in which people were let in."""
    return await select(db, lines_, matching(live_session_id=live_session_id), ("admitted_at",))


@view.on_demand(LiveSession)
async def links(db: Connection, row: LiveSession) -> list[LinkLine]:
    """Who was on the line when, and how well."""
    return await lines_of(db, row.live_session_id)


@view.on_demand(LiveSession)
async def overlaps(db: Connection, row: LiveSession) -> list[Overlap]:
    """How long each side was on the line together with the host; a stay that lasts counts up to the last fact."""
    lines = await lines_of(db, row.live_session_id)
    last = row.closed_at or max((_last_fact(line) for line in lines), default=row.opened_at)
    host = merged(span for line in lines if line.facility_id == row.facility_id for span in _spans(line, last))
    found = []
    others = dict.fromkeys(line.facility_id for line in lines if line.facility_id != row.facility_id)
    for facility_id in others:
        theirs = merged(span for line in lines if line.facility_id == facility_id for span in _spans(line, last))
        found.append(Overlap(facility_id, bool(host and theirs), together(host, theirs)))
    return found


def _last_fact(line: LinkLine) -> datetime:
    moments = [line.admitted_at, *(stay["until"] or stay["since"] for stay in line.stays)]
    moments += [step["at"] for step in line.steps] + [crossing["at"] for crossing in line.crossings]
    return max(moments)


def _spans(line: LinkLine, last: datetime) -> Iterable[Span]:
    return ((stay["since"], stay["until"] or max(last, stay["since"])) for stay in line.stays)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order, so that two people of one side do not count twice."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((since, until))
    return found


def together(one: Sequence[Span], other: Sequence[Span]) -> int:
    """How many seconds both lasted, each being without overlaps in itself."""
    shared = (
        (min(ends, until) - max(begins, since)).total_seconds()
        for begins, ends in one
        for since, until in other
        if max(begins, since) < min(ends, until)
    )
    return round(sum(shared))


@view.query
async def link_ledger(
    db: Connection,
    visible: Condition,
    facility_id: UUID | None = None,
    live_session_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[LinkLine]:
    """The lines of a facility or a room, the latest first: how long, how well, and why not better."""
    wanted = matching(facility_id=facility_id, live_session_id=live_session_id) & visible
    if since is not None:
        wanted &= Condition("admitted_at >= {}", (since,))
    if until is not None:
        wanted &= Condition("admitted_at < {}", (until,))
    return await page(db, lines_, wanted, ("admitted_at",), size=size, after=after, descending=True)
