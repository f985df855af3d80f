"""The way into a room and what is seen of it, through GraphQL only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain._live import Destination
from domain._live_session import LiveSession
from infra.event_store import PostgresEventStore
from infra.media_tokens import MediaRole, Source
from tests.graphql_api.service import GRANTS, MEDIA, RELAYS, Person, Service, somebody
from tests.history import called
from tests.story import the_consultation_opens, the_patients_are_referred
from tests.story_network import AT, BACH_MAI, CONSULTATION, DUNG, NGA, SA_PA, THAI_NGUYEN, the_network_is_built
from tests.storyteller import Story

JOIN = """
mutation ($input: JoinLiveSessionInput!, $commandId: UUID!) {
  answer: joinLiveSession(input: $input, commandId: $commandId) {
    ... on CommandRejected { code field }
    ... on CommandAccepted {
      aggregateId version position
      ticket {
        liveSessionId participantId part pointId token expiresAt whepTemplate socketUrl
        whip { source url } iceServers { urls username credential }
      }
    }
  }
}"""
ROOM = LiveSession.of(CONSULTATION)
SEAT_OF_NGA, SEAT_OF_DUNG = str(called("Nga's seat")), str(called("Dũng's seat"))
PROCESS_RUN = str(called("a run of a media worker"))


def signed_in(person: UUID) -> Person:
    return replace(somebody("doctor", at=AT[person].facility_id), subject=person)


NGA_HERE, DUNG_HERE, SYSTEM = signed_in(NGA), signed_in(DUNG), somebody("system")


@pytest.fixture(scope="module", autouse=True)
async def consultation(log_dsn: str, service: Service) -> None:
    """A consultation of three points is open."""
    store = PostgresEventStore(log_dsn)
    story = Story(store)
    for chapter in (the_network_is_built, the_patients_are_referred, the_consultation_opens):
        await chapter(story)
    await store.close()


async def join(service: Service, person: Person, seat: str, command_id: str | None = None, **more: Any) -> Any:
    given = {"participantId": seat, "consultationId": str(CONSULTATION), **more}
    async with service.client(person) as client:
        answer = await client.ask(JOIN, input=given, commandId=command_id or str(uuid4()))
    return answer["data"]["answer"]


async def told(service: Service, *commands: tuple[str, dict[str, Any]], by: Person = SYSTEM) -> Sequence[Any]:
    async with service.client(by) as client:
        answers = [await client.command(name, {"liveSessionId": str(ROOM), **given}) for name, given in commands]
    assert {one["__typename"] for one in answers} == {"CommandAccepted"}, answers
    return answers


async def test_whoever_may_come_in_gets_a_token_addresses_and_relays(service: Service) -> None:
    ticket = (await join(service, NGA_HERE, SEAT_OF_NGA))["ticket"]
    assert (ticket["liveSessionId"], ticket["pointId"], ticket["part"]) == (str(ROOM), str(BACH_MAI), "SPEAKER")
    assert {one["source"]: one["url"] for one in ticket["whip"]} == {
        source: f"{MEDIA}/whip/{ROOM}/{source.lower()}" for source in ("AUDIO", "CAMERA", "SCREEN")
    }
    assert ticket["whepTemplate"] == f"{MEDIA}/whep/{ROOM}/{{pointId}}/{{source}}"
    assert ticket["socketUrl"] == f"{MEDIA.replace('http', 'ws', 1)}/sessions/{ROOM}"
    stun, turn = ticket["iceServers"]
    assert [stun["urls"], turn["urls"]] == [[one] for one in RELAYS]
    assert stun["credential"] is None
    assert turn["username"].endswith(f":{SEAT_OF_NGA}")
    assert turn["credential"]
    grant = GRANTS.verify(ticket["token"])
    assert (grant.session_id, grant.participant_id) == (ROOM, UUID(SEAT_OF_NGA))
    assert grant.role is MediaRole.PUBLISHER
    assert Source.ULTRASOUND not in grant.sources
    assert grant.audience is Destination.CLINICIAN
    assert grant.expires_at > datetime.now(UTC)


async def test_an_observer_gets_a_token_with_which_nothing_can_be_published(service: Service) -> None:
    ticket = (await join(service, DUNG_HERE, str(uuid4()), onlyObserves=True))["ticket"]
    grant = GRANTS.verify(ticket["token"])
    assert (ticket["part"], ticket["whip"]) == ("OBSERVER", [])
    assert (grant.role, grant.sources, grant.audience) == (MediaRole.VIEWER, frozenset(), Destination.OBSERVER)


async def test_asking_again_gives_a_new_token_and_no_new_fact(service: Service) -> None:
    command_id = str(uuid4())
    first = await join(service, NGA_HERE, SEAT_OF_NGA, command_id)
    again = await join(service, NGA_HERE, SEAT_OF_NGA, command_id)
    assert again["version"] == first["version"]
    assert again["ticket"] is not None


async def test_a_command_id_that_somebody_else_has_seen_opens_no_door(service: Service) -> None:
    command_id, seat = str(uuid4()), str(uuid4())
    mine = await join(service, DUNG_HERE, seat, command_id)
    assert mine["ticket"] is not None
    theirs = await join(service, NGA_HERE, seat, command_id)
    assert theirs["position"] == mine["position"], "the first answer, as to everybody who knows the id"
    assert theirs["ticket"] is None


async def test_whoever_has_nothing_to_do_with_the_consultation_is_refused(service: Service) -> None:
    answer = await join(service, somebody("doctor", at=uuid4()), str(uuid4()))
    assert answer == {"code": "POINT_NOT_INVITED", "field": "facilityId"}


async def test_other_commands_have_no_ticket(service: Service) -> None:
    await join(service, NGA_HERE, SEAT_OF_NGA)
    query = JOIN.replace("JoinLiveSessionInput", "RecordRoomPlacedInput").replace("joinLiveSession", "recordRoomPlaced")
    given = {"liveSessionId": str(ROOM), "worker": "media-1", "runId": PROCESS_RUN}
    async with service.client(SYSTEM) as client:
        answer = (await client.ask(query, input=given, commandId=str(uuid4())))["data"]["answer"]
    assert answer["version"] > 0
    assert answer["ticket"] is None


SEEN = """
query ($id: UUID!, $at: Position) {
  consultationBoard(consultationId: $id, minPosition: $at) {
    liveSession {
      status present tracksLive recording
      participants(present: true) { participantId facilityId part rung }
      tracks(live: true) { source people consented diagnostic }
      recordings { status people }
      links { facilityId stays { until } steps { before now cause measured { lossPercent rttMs } } worstRttMs }
      overlaps { facilityId bothJoined }
    }
  }
  consultationMinutes(consultationId: $id) { attendanceEvidence { facilityId kind part } }
}"""
LEG = {
    "bitrateKbps": 600,
    "delayMs": 210,
    "rttMs": 420,
    "jitterMs": 30,
    "lossPercent": "6.5",
    "width": 640,
    "height": 360,
    "framesPerSecond": "12",
}


async def test_both_sides_see_who_is_there_how_well_and_what_is_recorded(service: Service) -> None:
    await join(service, NGA_HERE, SEAT_OF_NGA)
    await join(service, DUNG_HERE, SEAT_OF_DUNG, equipmentOfThePoint=True)
    camera, recording = str(uuid4()), str(uuid4())
    here = {"runId": PROCESS_RUN}
    await told(
        service,
        ("recordRoomPlaced", {"worker": "media-1", **here}),
        ("recordParticipantJoined", {"participantId": SEAT_OF_NGA, **here}),
        ("recordParticipantJoined", {"participantId": SEAT_OF_DUNG, **here}),
        ("recordTrackPublished", {"trackId": camera, "participantId": SEAT_OF_NGA, "source": "CAMERA", "codec": "VP8"}),
        ("recordQualityStep", {"participantId": SEAT_OF_DUNG, "rung": "LOW", "cause": "LOSS", "measured": LEG}),
    )
    answers = await told(
        service,
        ("consentToRecording", {"trackId": camera, "personId": str(NGA)}),
        ("authoriseRecording", {"recordingId": recording, "trackIds": [camera]}),
        by=NGA_HERE,
    )
    async with service.client(DUNG_HERE) as client:
        answer = await client.ask(SEEN, id=str(CONSULTATION), at=answers[-1]["position"])
    assert "errors" not in answer, answer
    room = answer["data"]["consultationBoard"]["liveSession"]
    assert (room["status"], room["present"], room["tracksLive"], room["recording"]) == ("OPEN", 2, 1, "AUTHORISED")
    rungs = {one["facilityId"]: one["rung"] for one in room["participants"]}
    assert rungs == {str(BACH_MAI): "TWO_WAY_HD", str(THAI_NGUYEN): "LOW"}
    (track,) = room["tracks"]
    assert track == {"source": "CAMERA", "people": [str(NGA)], "consented": [str(NGA)], "diagnostic": None}
    assert room["recordings"] == [{"status": "AUTHORISED", "people": [str(NGA)]}]
    stepped = next(one for one in room["links"] if one["steps"])
    assert stepped["steps"] == [
        {"before": "TWO_WAY_HD", "now": "LOW", "cause": "LOSS", "measured": {"lossPercent": "6.5", "rttMs": 420}}
    ]
    assert stepped["worstRttMs"] == 420
    assert {"facilityId": str(THAI_NGUYEN), "bothJoined": True} in room["overlaps"]
    evidence = answer["data"]["consultationMinutes"]["attendanceEvidence"]
    assert {"facilityId": str(THAI_NGUYEN), "kind": "POINT", "part": "SPEAKER"} in evidence


async def test_the_room_is_open_to_those_who_were_let_in_and_to_nobody_else(service: Service) -> None:
    first = await join(service, NGA_HERE, SEAT_OF_NGA)
    query = "query ($id: UUID!, $at: Position) { liveSession(consultationId: $id, minPosition: $at) { present } }"
    for person, sees in (
        (NGA_HERE, True),
        (somebody("doctor", at=SA_PA), False),
        (somebody("doctor", at=uuid4()), False),
    ):
        async with service.client(person) as client:
            answer = await client.ask(query, id=str(CONSULTATION), at=first["position"])
        assert (answer["data"]["liveSession"] is not None) == sees


async def test_a_subscriber_follows_the_room_with_every_fact_of_it(service: Service) -> None:
    await join(service, NGA_HERE, SEAT_OF_NGA)
    await service.settled()
    query = """
    subscription ($id: UUID!) {
      liveSession(liveSessionId: $id) { events { name data } liveSession { lastAlarm lastAlarmDetail } }
    }"""
    run = str(uuid4())
    async with service.subscribe(NGA_HERE, query, id=str(ROOM)) as following:
        assert (await following.next())["liveSession"]["events"] == []
        await told(service, ("recordRoomPlaced", {"worker": "media-9", "runId": run}))
        update = (await following.next())["liveSession"]
        assert [one["name"] for one in update["events"]] == ["live_session.room_placed"]
        await told(service, ("recordWorkerLost", {"runId": run}))
        update = (await following.next())["liveSession"]
        assert update["liveSession"]["lastAlarm"] == "WORKER_LOST"
        assert update["liveSession"]["lastAlarmDetail"] == "media-9"
