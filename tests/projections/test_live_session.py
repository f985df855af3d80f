"""What the views of rooms say: who was there when, with which quality, what was pointed at and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain._kernel import Recorded
from domain._live import (
    Destination,
    LossCause,
    Part,
    ParticipantKind,
    RecordingStatus,
    Rung,
    StopCause,
    Transport,
)
from domain.live_session import (
    LiveSessionOpened,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLost,
    RoomPlaced,
    Status,
    TransportChanged,
)
from infra.postgres import Connection
from projections import consultation_board, consultation_minutes, examination_timeline
from projections._live import Alarm
from projections._page import EVERYTHING, NOTHING
from projections._timeline import Happening
from projections.link_ledger import lines_of, link_ledger, links, merged, overlaps, together
from projections.live_messages import live_messages
from projections.live_messages import view as messages_view
from projections.live_recording import live_recording, live_recordings, recordings
from projections.live_session import (
    LiveSession,
    earlier_runs,
    live_session,
    live_sessions,
    participants,
    tracks,
)
from projections.live_session import view as live_session_view
from projections.picture_marks import Mark, drawings, image_marks, picture_marks
from projections.picture_marks import view as marks_view
from tests.history import History, called
from tests.projections.conftest import TakeIn
from tests.story_live import LIVE_STILL, PROBE, RECORDING, ROOM, ROOM_OF_SCAN, SCAN, SCANNED, WORKER, seat_of
from tests.story_network import BACH_MAI, CONSULTATION, DUNG, MAY, NGA, PATIENT_OF_SA_PA, SA_PA, THAI_NGUYEN


@pytest.fixture
async def told(whole_story: Sequence[Recorded], take_in: TakeIn) -> None:
    await take_in(whole_story)


async def room(db: Connection, live_session_id: UUID) -> LiveSession:
    found = await live_session(db, EVERYTHING, live_session_id)
    assert found is not None
    return found


@pytest.mark.usefixtures("told")
async def test_a_room_is_found_by_its_care_and_is_closed_with_it(db: Connection) -> None:
    found = await live_session(db, EVERYTHING, consultation_id=CONSULTATION)
    assert found is not None
    assert (found.live_session_id, found.status, found.facility_id) == (ROOM, Status.CLOSED, BACH_MAI)
    assert (found.present, found.tracks_live, found.workers) == (0, 0, [])
    assert await live_session(db, NOTHING, consultation_id=CONSULTATION) is None
    assert await live_session(db, EVERYTHING) is None, "no id names no room"
    page = await live_sessions(db, EVERYTHING, facility_id=SA_PA)
    assert {row.live_session_id for row in page.rows} == {ROOM, ROOM_OF_SCAN}
    assert (await live_sessions(db, EVERYTHING, facility_id=THAI_NGUYEN)).rows[0].live_session_id == ROOM


@pytest.mark.usefixtures("told")
async def test_the_consultation_and_the_examination_show_their_room(db: Connection) -> None:
    board = await consultation_board.consultation_board(db, EVERYTHING, CONSULTATION)
    assert board is not None
    of_board = await consultation_board.live_session(db, board)
    assert of_board is not None
    assert of_board.live_session_id == ROOM
    examination = await examination_timeline.examination(db, EVERYTHING, SCANNED)
    assert examination is not None
    of_examination = await examination_timeline.live_session(db, examination)
    assert of_examination is not None
    assert of_examination.live_session_id == ROOM_OF_SCAN
    (picture,) = await examination_timeline.live_pictures(db, examination)
    assert (picture.track_id, picture.device_id, picture.diagnostic) == (SCAN, PROBE, False)


@pytest.mark.usefixtures("told")
async def test_the_minutes_hold_the_evidence_of_who_was_there_when_and_how_well(db: Connection) -> None:
    minutes = await consultation_minutes.consultation_minutes(db, EVERYTHING, CONSULTATION)
    assert minutes is not None
    lines = {line.facility_id: line for line in await consultation_minutes.attendance_evidence(db, minutes)}
    assert lines.keys() == {BACH_MAI, THAI_NGUYEN, SA_PA}
    weak = lines[SA_PA]
    assert [(step["before"], step["now"]) for step in weak.steps] == [
        (Rung.TWO_WAY_HD, Rung.LOW),
        (Rung.LOW, Rung.TWO_WAY_HD),
    ]
    assert weak.seconds_low == 60
    assert [stay["because"] for stay in weak.stays] == ["line_silent", "session_closed"]
    assert (weak.times_lost, weak.worst_rtt_ms, weak.worst_bitrate_kbps) == (1, 410, 600)
    for line in lines.values():
        on_the_line = sum(
            round((stay["until"] - stay["since"]).total_seconds()) for stay in line.stays if stay["until"]
        )
        rungs = line.seconds_two_way_hd + line.seconds_low + line.seconds_audio + line.seconds_chat_and_stills
        assert rungs == on_the_line > 0


@pytest.mark.usefixtures("told")
async def test_both_sides_of_a_session_were_there_together_for_so_long(db: Connection) -> None:
    row = await room(db, ROOM)
    lines = {line.participant_id: line for line in await links(db, row)}
    found = {one.facility_id: one for one in await overlaps(db, row)}
    assert found.keys() == {THAI_NGUYEN, SA_PA}
    assert all(one.both_joined for one in found.values())
    (stay,) = lines[seat_of(DUNG)].stays
    assert stay["until"] is not None
    assert found[THAI_NGUYEN].seconds == round((stay["until"] - stay["since"]).total_seconds())
    broken = lines[seat_of(MAY)].stays
    away = broken[1]["since"] - (broken[0]["until"] or broken[1]["since"])
    whole = (broken[1]["until"] or broken[1]["since"]) - broken[0]["since"]
    assert found[SA_PA].seconds == round((whole - away).total_seconds())


def test_two_people_of_one_side_do_not_count_twice() -> None:
    def span(since: int, until: int) -> tuple[datetime, datetime]:
        begin = datetime(2020, 8, 27, tzinfo=UTC)
        return begin + timedelta(minutes=since), begin + timedelta(minutes=until)

    here = merged([span(0, 10), span(5, 12), span(20, 30)])
    assert here == [span(0, 12), span(20, 30)]
    assert together(here, [span(8, 25)]) == (4 + 5) * 60
    assert together(here, []) == 0


@pytest.mark.usefixtures("told")
async def test_a_ghost_visit_shows_no_overlap(db: Connection, history: History, take_in: TakeIn) -> None:
    stream = uuid4()
    history.happened(stream, LiveSessionOpened(consultation_id=uuid4(), facility_id=BACH_MAI))
    await take_in(history.events)
    assert await overlaps(db, await room(db, stream)) == []


@pytest.mark.usefixtures("told")
async def test_the_room_tells_people_tracks_and_the_last_alarm(db: Connection) -> None:
    row = await room(db, ROOM_OF_SCAN)
    assert (row.last_alarm, row.last_alarm_detail) == (Alarm.WORKER_LOST, WORKER)
    people = {one.participant_id: one for one in await participants(db, row)}
    assert {one.part for one in people.values()} == {Part.SPEAKER}
    assert people[seat_of(MAY)].gone_because == "worker_lost"
    assert (people[seat_of(NGA)].stays, people[seat_of(NGA)].gone_because) == (2, "left")
    assert await participants(db, row, present=True) == []
    shown = {one.track_id: one for one in await tracks(db, row)}
    scan = shown[SCAN]
    assert (scan.patient_id, scan.people, scan.withheld_from) == (PATIENT_OF_SA_PA, [PATIENT_OF_SA_PA], [])
    assert scan.diagnostic is False
    assert scan.measured is not None
    assert scan.measured["bitrate_kbps"] == 600
    assert scan.consented == [], "the consent was taken back"
    assert await tracks(db, row, live=True) == []


@pytest.mark.usefixtures("told")
async def test_a_track_that_continues_is_told_after_the_one_before(db: Connection) -> None:
    of_sa_pa = [one for one in await tracks(db, await room(db, ROOM)) if one.participant_id == seat_of(MAY)]
    cameras = [one for one in of_sa_pa if one.source == "camera"]
    assert [one.continues for one in cameras] == [None, cameras[0].track_id]
    assert cameras[0].ended_because == "line_lost"


@pytest.mark.usefixtures("told")
async def test_a_recording_tells_its_consents_gaps_hash_accesses_and_its_mark(db: Connection) -> None:
    found = await live_recording(db, EVERYTHING, RECORDING)
    assert found is not None
    assert (found.status, found.stopped_because) == (RecordingStatus.SEALED, StopCause.ASKED)
    assert (found.people, found.authorised_by) == ([PATIENT_OF_SA_PA], NGA)
    assert found.first_bytes_at is not None
    (gap,) = found.gaps
    assert (gap["track_id"], gap["until"] - gap["since"]) == (SCAN, timedelta(seconds=2))
    assert (found.sha256, found.size, found.key_id) == ("0d" * 32, 9_400_000, "k1")
    assert [(one["person_id"], one["exported_sha256"]) for one in found.accesses] == [(NGA, None), (NGA, "0d" * 32)]
    assert found.consent_withdrawn_by == [PATIENT_OF_SA_PA]
    all_of_it = await recordings(db, await room(db, ROOM_OF_SCAN))
    assert [one.status for one in all_of_it] == [
        RecordingStatus.SEALED,
        RecordingStatus.FAILED,
        RecordingStatus.STOPPED,
        RecordingStatus.STOPPED,
    ]
    at_the_desk = all_of_it[-1]
    assert at_the_desk.stopped_because == StopCause.CONSENT_WITHDRAWN
    assert at_the_desk.consent_withdrawn_by == [PATIENT_OF_SA_PA]
    assert len((await live_recordings(db, EVERYTHING, consent_withdrawn=True)).rows) == 4
    assert (await live_recordings(db, EVERYTHING, consent_withdrawn=False)).rows == []
    failed = (await live_recordings(db, EVERYTHING, [RecordingStatus.FAILED])).rows
    assert [one.failed_because for one in failed] == ["no_bytes"]


@pytest.mark.usefixtures("told")
async def test_what_was_pointed_at_can_be_replayed_in_the_time_of_the_picture(db: Connection) -> None:
    marks = (await picture_marks(db, EVERYTHING, ROOM_OF_SCAN, SCAN)).rows
    assert [one.what for one in marks] == [
        Mark.FROZEN,
        Mark.POINTED,
        Mark.DRAWN,
        Mark.STILL,
        Mark.CLEARED,
        Mark.RELEASED,
    ]
    drawn = marks[2]
    assert (drawn.rtp_timestamp, drawn.label, drawn.shape) == (2_700_000, "IVC 21 mm", "calliper")
    assert [(str(dot["x"]), dot["at_ms"]) for dot in drawn.dots] == [("0.31", 0), ("0.36", 120)]
    assert marks[4].stroke_ids == drawn.stroke_ids
    assert (marks[3].image_id, marks[3].stroke_ids) == (LIVE_STILL, drawn.stroke_ids)
    assert (await picture_marks(db, NOTHING, ROOM_OF_SCAN)).rows == []


@pytest.mark.usefixtures("told")
async def test_a_still_is_found_with_what_was_drawn_and_pointed_at_on_it(db: Connection) -> None:
    on_still = await image_marks(db, EVERYTHING, LIVE_STILL)
    assert [one.what for one in on_still] == [Mark.FROZEN, Mark.POINTED, Mark.DRAWN]
    assert await image_marks(db, NOTHING, LIVE_STILL) == []
    assert await image_marks(db, EVERYTHING, uuid4()) == []


async def test_whoever_comes_late_finds_what_is_drawn_now_and_what_was_written(
    db: Connection, whole_story: Sequence[Recorded], take_in: TakeIn
) -> None:
    scan = [at for at in whole_story if at.stream_id == ROOM_OF_SCAN]
    drawn = next(n for n, at in enumerate(scan) if at.event.name == "live_session.stroke_drawn")
    cleared = next(n for n, at in enumerate(scan) if at.event.name == "live_session.strokes_cleared")
    await take_in(scan[: drawn + 1], live_session_view, marks_view, messages_view)
    (lying,) = await drawings(db, await room(db, ROOM_OF_SCAN))
    assert (lying.label, lying.track_id, lying.cleared_at) == ("IVC 21 mm", SCAN, None)
    assert (await live_messages(db, EVERYTHING, ROOM_OF_SCAN)).rows == []
    await take_in(scan[drawn + 1 : cleared + 1], live_session_view, marks_view, messages_view)
    assert await drawings(db, await room(db, ROOM_OF_SCAN)) == []
    await take_in(scan[cleared + 1 :], live_session_view, marks_view, messages_view)
    (message,) = (await live_messages(db, EVERYTHING, ROOM_OF_SCAN)).rows
    assert (message.participant_id, message.text[:9]) == (seat_of(NGA), "Tĩnh mạch")
    assert (await live_messages(db, NOTHING, ROOM_OF_SCAN)).rows == []


@pytest.mark.usefixtures("told")
async def test_a_live_still_is_an_image_of_the_examination(db: Connection) -> None:
    page = await examination_timeline.examination_timeline(db, EVERYTHING, SCANNED, [Happening.IMAGE_CAPTURED])
    (entry,) = page.rows
    assert entry.image is not None
    assert (entry.image["image_id"], entry.image["device_id"], entry.image["diagnostic"]) == (LIVE_STILL, PROBE, True)


@pytest.mark.usefixtures("told")
async def test_the_ledger_of_a_facility_tells_its_lines(db: Connection) -> None:
    mine = (await link_ledger(db, EVERYTHING, facility_id=SA_PA)).rows
    assert {line.live_session_id for line in mine} == {ROOM, ROOM_OF_SCAN}
    scan_line = next(line for line in mine if line.live_session_id == ROOM_OF_SCAN)
    assert [crossing["diagnostic"] for crossing in scan_line.crossings] == [True, False]
    assert (await link_ledger(db, NOTHING, facility_id=SA_PA)).rows == []
    late = await link_ledger(db, EVERYTHING, since=datetime(2030, 1, 1, tzinfo=UTC))
    assert late.rows == []


async def test_the_ledger_tells_by_which_way_somebody_came_and_how_it_was_sealed(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    stream, somebody = uuid4(), uuid4()
    way = Transport(
        path="relay",
        protocol="udp",
        cipher="ECDHE-ECDSA-AES256-GCM-SHA384",
        setup_ms=420,
        dtls="DTLSv1.2",
        srtp_profile="SRTP_AEAD_AES_256_GCM",
        rtt_ms=90,
    )
    history.happened(stream, LiveSessionOpened(consultation_id=uuid4(), facility_id=called("Bach Mai")))
    history.happened(
        stream,
        ParticipantAdmitted(participant_id=somebody, person_id=uuid4(), kind=ParticipantKind.POINT, part=Part.SPEAKER),
    )
    history.happened(stream, ParticipantJoined(participant_id=somebody, stay=1, run_id=uuid4(), transport=way))
    direct = way.model_copy(update={"path": "direct", "rtt_ms": 30})
    history.happened(stream, TransportChanged(participant_id=somebody, stay=1, transport=direct))
    history.happened(stream, ParticipantLost(participant_id=somebody, stay=1, cause=LossCause.LINE_SILENT))
    history.happened(stream, ParticipantJoined(participant_id=somebody, stay=2, run_id=uuid4()))
    await take_in(history.events)
    (line,) = await lines_of(db, stream)
    by_relay, untold = line.stays
    names = ("path", "protocol", "dtls", "cipher", "srtp_profile", "setup_ms", "rtt_ms")
    assert {name: by_relay[name] for name in names} == way.model_dump()  # type: ignore[literal-required]
    assert {untold[name] for name in names} == {None}  # type: ignore[literal-required]
    (change,) = line.changes
    assert {name: change[name] for name in names} == direct.model_dump()  # type: ignore[literal-required]
    assert by_relay["since"] < change["at"] < untold["since"]


async def test_a_worker_finds_what_its_earlier_runs_left_open(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    left_open, mine, elsewhere = uuid4(), uuid4(), uuid4()
    old, now = uuid4(), uuid4()
    for stream, worker, run in ((left_open, "media-1", old), (mine, "media-1", now), (elsewhere, "media-2", old)):
        history.happened(stream, LiveSessionOpened(consultation_id=uuid4(), facility_id=called("Bach Mai")))
        history.happened(stream, RoomPlaced(worker=worker, run_id=run))
    await take_in(history.events)
    assert await earlier_runs(db, "media-1", now) == [(left_open, old)]


async def test_a_stay_that_lasts_counts_up_to_the_last_fact(
    db: Connection, whole_story: Sequence[Recorded], take_in: TakeIn
) -> None:
    until_joined = [at for at in whole_story if at.stream_id == ROOM]
    last = max(i for i, at in enumerate(until_joined) if isinstance(at.event, ParticipantJoined))
    await take_in(until_joined[: last + 1])
    row = await room(db, ROOM)
    lines = await lines_of(db, ROOM)
    assert any(stay["until"] is None for line in lines for stay in line.stays)
    assert all(one.both_joined for one in await overlaps(db, row))
    assert row.status is Status.OPEN
    assert Destination.EXPORT not in [one for track in await tracks(db, row) for one in track.withheld_from]
