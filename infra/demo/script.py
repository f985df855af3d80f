"""The course of the day, from the empty register to closed referrals and a summary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from infra.demo import bedside, feed, network, people, referrals, session
from infra.demo.cases import STORIES
from infra.demo.day import Day, Person
from infra.demo.evidence import Evidence, gather
from infra.demo.hospitals import network as hospitals
from infra.demo.live.day import LiveDay
from infra.demo.people import Cast
from infra.demo.summary import Summary, summarise
from infra.demo.watchers import Watcher, Watchers
from infra.sealing.blobs import sealed_blobs

BOARD = """
subscription ($id: UUID!, $after: Position) {
  consultationBoard(consultationId: $id, after: $after) {
    position
    events { position commandId name }
    consultation {
      title status floorId
      issues { question opinions conclusion }
      points(role: [CENTRE, BRIDGE_POINT]) { facilityId presence timesRejoined }
      attendance { role presence points }
    }
  }
}
"""
INBOX = """
subscription ($facility: UUID!, $after: Position) {
  referralInbox(receivingFacilityId: $facility, after: $after) {
    position
    events { position commandId }
    referrals { referralId askingFacilityId speciality urgency status draftedAt answerDueAt firstAnswerAt }
  }
}
"""
LOSES_ITS_LINE = "D40-HN"
SEEN_LIVE = 0


@dataclass(frozen=True)
class Played:
    """What was played, and what came of it."""

    evidence: Evidence
    summary: Summary
    chair: Person
    consultation_id: UUID


async def play(day: Day) -> Played:
    """The whole day. Raises NotAsItMustBe when something is refused that must not be, or the reverse."""
    day.stage.names = {str(hospital.id): hospital.name_vi for hospital in hospitals()}
    day.started_at = await feed.end(day, day.person("auditor", "Kiểm toán Mẫu"))
    await network.connect_all(day)
    cast = people.cast_of(day)
    await people.enter_people(day, cast)
    consultation_id = day.id("consultation")
    inbox, watchers = Watchers(day, consultation_id), Watchers(day, consultation_id)
    live = LiveDay(day, cast, consultation_id) if day.live else None
    try:
        if live is not None:
            await live.begin()
        await _follow_inbox(day, cast, inbox)
        await referrals.refer(day, cast)
        await session.plan(day, cast, consultation_id)
        await referrals.schedule(day, cast, consultation_id)
        await _gather_audience(day, cast, watchers, consultation_id)
        await session.open_(day, cast, consultation_id)
        if live is not None:
            await live.open()
        await _discuss(day, cast, consultation_id, watchers, live)
        await session.close(day, cast, consultation_id)
        await referrals.close(day, cast)
        account = await live.account() if live is not None else None
        evidence = await gather(day, cast, consultation_id, watchers, account)
    finally:
        if live is not None:
            await live.close()
        await watchers.close()
        await inbox.close()
    return Played(evidence, summarise(day, evidence, watchers.all), cast.chair, consultation_id)


async def _follow_inbox(day: Day, cast: Cast, inbox: Watchers) -> None:
    """Bach Mai's inbox. It may hold the referrals of earlier days, which are not shown."""
    since = datetime.now(UTC)
    subscription = day.client(cast.responsible).subscribe(INBOX, facility=str(cast.centre.id))
    await inbox.run(Watcher("inbox", subscription, lambda update: day.stage.inbox_told(update, since)))


async def _gather_audience(day: Day, cast: Cast, watchers: Watchers, consultation_id: UUID) -> None:
    subscription = day.client(cast.chair).subscribe(BOARD, id=str(consultation_id))
    centre = Watcher(cast.chair.name, subscription, day.stage.consultation_told)
    watchers.all.append(centre)
    await watchers.run(centre)
    await watchers.open([*cast.doctors.values(), *cast.observers])
    day.stage.watching = len(watchers.all)
    day.stage.say(f"{len(watchers.all)} thuê bao trực tiếp đã mở / live subscriptions, a socket for each hospital")


async def _discuss(day: Day, cast: Cast, consultation_id: UUID, watchers: Watchers, live: LiveDay | None) -> None:
    blobs = sealed_blobs(day.settings)
    colleagues = [cast.doctors[story.point] for story in (*STORIES[1:], STORIES[0])]
    away = cast.point(LOSES_ITS_LINE)
    for turn, (story, colleague) in enumerate(zip(STORIES, colleagues, strict=True)):
        case = bedside.Case(day, cast, consultation_id, story, blobs, live if turn == SEEN_LIVE else None)
        await case.present()
        if turn == 1:
            await session.lose_line(day, cast, consultation_id, away, watchers, live)
        await case.examine()
        await case.discuss(colleague)
        if turn == 1:
            await session.find_line(day, cast, consultation_id, away, watchers, live)
        await case.decide()
        if live is not None and turn == SEEN_LIVE:
            await live.put_away()
        await day.beat(1.0)
    if live is not None:
        await live.leave()
