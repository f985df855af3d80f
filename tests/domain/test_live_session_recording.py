"""Nothing is recorded before everybody on the track has consented, and consent can be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from commands.live_session_recording import (
    AuthoriseRecording,
    ConsentToRecording,
    EndWithdrawnConsent,
    ExportRecording,
    RecordFirstBytes,
    RecordRecordingEnded,
    RecordRecordingFailed,
    RecordRecordingGap,
    RecordRecordingSealed,
    RecordRecordingStarted,
    RecordRecordingViewed,
    RefuseRecording,
    StopRecording,
    WithdrawRecordingConsent,
)
from domain._kernel import Event
from domain._live import Destination, FailureCause, GapCause, Source, StopCause
from domain._live_session import LiveSession
from domain._values import Blob, Period
from domain.consent import Consent, ConsentWithdrawn, Purpose
from domain.live_session import (
    FirstBytesWritten,
    LiveSessionClosed,
    LiveSessionOpened,
    PersonShown,
    RecordingAuthorised,
    RecordingConsented,
    RecordingConsentWithdrawn,
    RecordingExported,
    RecordingFailed,
    RecordingInterrupted,
    RecordingRefused,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    RecordingViewed,
)
from tests.domain import live_cast as room
from tests.domain.cast import (
    BACH_MAI,
    DR_LAN,
    EXAMINATION,
    NOON,
    OTHER_PATIENT,
    PAO_AT_SA_PA,
    PATIENT,
    THAI_NGUYEN,
)
from tests.domain.live_cast import CAMERA, CONSENT_TO_RECORD, HOA, PROBE_PICTURE, RECORDING, ROOM, care, published
from tests.spec import given

ON_CAMERA: dict[str, Any] = {"live_session_id": ROOM, "track_id": CAMERA, "person_id": DR_LAN}
ON_SCAN: dict[str, Any] = {"live_session_id": ROOM, "track_id": PROBE_PICTURE, "person_id": PATIENT}
AGREE = ConsentToRecording(**ON_CAMERA)
AGREE_FOR_PATIENT = ConsentToRecording(**ON_SCAN, consent_id=CONSENT_TO_RECORD)
AUTHORISE = AuthoriseRecording(live_session_id=ROOM, recording_id=RECORDING, track_ids=(CAMERA, PROBE_PICTURE))
IT: dict[str, Any] = {"live_session_id": ROOM, "recording_id": RECORDING}
START = RecordRecordingStarted(**IT)
GAP = Period(start=NOON, end=NOON + timedelta(seconds=2))
BYTES = Blob(sha256="cd" * 32, media_type="application/octet-stream", size=9_000_000)
SEAL = RecordRecordingSealed(**IT, recording=BYTES, duration_ms=60_000, key_id="k1")
STOPPED = RecordingStopped(recording_id=RECORDING, cause=StopCause.ASKED)
SEALED = RecordingSealed(recording_id=RECORDING, recording=BYTES, duration_ms=60_000, key_id="k1")
FAILED = RecordingFailed(recording_id=RECORDING, cause=FailureCause.NO_BYTES, detail="10 s without a byte")
FAIL = RecordRecordingFailed(**IT, cause=FailureCause.NO_BYTES, detail="10 s without a byte")


def ready(*history: Event, **changed: Any) -> given:
    return given(*history, others=care(**changed))


# Consent -----------------------------------------------------------------------------------------------------


def test_each_person_consents_for_itself_per_track() -> None:
    ready(*room.SHOWN).when(AGREE, room.LAN_HERE).then(RecordingConsented(track_id=CAMERA, person_id=DR_LAN))
    ready(*room.SHOWN).when(AGREE, room.HOA_HERE).then_refused("NOT_YOUR_FACILITY")
    ready(*room.AGREED).when(AGREE, room.LAN_HERE).then()
    elsewhere = AGREE.model_copy(update={"track_id": room.SOUND})
    ready(*room.SHOWN).when(elsewhere, room.LAN_HERE).then_refused("PERSON_NOT_SHOWN")


def test_a_patient_at_a_device_of_its_own_consents_for_itself() -> None:
    own = ConsentToRecording(**ON_SCAN)
    expected = RecordingConsented(track_id=PROBE_PICTURE, person_id=PATIENT)
    ready(*room.SHOWN).when(own, room.AT_HOME).then(expected)


def test_for_a_patient_the_point_gives_the_patients_own_consent() -> None:
    expected = RecordingConsented(track_id=PROBE_PICTURE, person_id=PATIENT, consent_id=CONSENT_TO_RECORD)
    ready(*room.SHOWN).when(AGREE_FOR_PATIENT, room.HOA_HERE).then(expected)
    ready(*room.SHOWN).when(AGREE_FOR_PATIENT, room.LAN_HERE).then_refused("NOT_YOUR_FACILITY")
    without = ConsentToRecording(**ON_SCAN)
    ready(*room.SHOWN).when(without, room.HOA_HERE).then_refused("NO_RECORDING_CONSENT")


@pytest.mark.parametrize(
    "consent",
    [
        (room.CONSENTED, ConsentWithdrawn(reason="Đổi ý")),
        (room.CONSENTED.model_copy(update={"purpose": Purpose.TRAINING}),),
        (room.CONSENTED.model_copy(update={"patient_id": OTHER_PATIENT}),),
        (room.CONSENTED.model_copy(update={"facility_id": BACH_MAI}),),
    ],
    ids=["withdrawn", "another purpose", "another patient", "another facility"],
)
def test_a_consent_that_does_not_cover_the_recording_is_none(consent: tuple[Event, ...]) -> None:
    ready(*room.SHOWN, consent=consent).when(AGREE_FOR_PATIENT, room.HOA_HERE).then_refused("NO_RECORDING_CONSENT")


def test_a_person_may_refuse() -> None:
    refuse = RefuseRecording(**ON_CAMERA)
    ready(*room.SHOWN).when(refuse, room.LAN_HERE).then(RecordingRefused(track_id=CAMERA, person_id=DR_LAN))
    ready(*room.SHOWN).when(refuse, room.HOA_HERE).then_refused("NOT_YOUR_FACILITY")


# Authorisation -----------------------------------------------------------------------------------------------


def test_a_recording_is_authorised_once_everybody_on_its_tracks_has_consented() -> None:
    expected = RecordingAuthorised(recording_id=RECORDING, track_ids=(CAMERA, PROBE_PICTURE), people=(DR_LAN, PATIENT))
    ready(*room.AGREED).when(AUTHORISE, room.LAN_HERE).then(expected)


@pytest.mark.parametrize(
    "history",
    [
        room.SHOWN,
        room.AGREED[:-1],
        (*room.AGREED, PersonShown(track_id=CAMERA, person_id=OTHER_PATIENT)),
        (*room.AGREED[:-1], RecordingRefused(track_id=PROBE_PICTURE, person_id=PATIENT)),
    ],
    ids=["nobody was asked", "one is missing", "another came in", "one refused"],
)
def test_nothing_is_recorded_while_a_consent_is_missing(history: tuple[Event, ...]) -> None:
    ready(*history).when(AUTHORISE, room.LAN_HERE).then_refused("EVERYBODY_HAS_TO_CONSENT")


def test_the_chair_or_responsible_practitioner_authorises_and_stops() -> None:
    ready(*room.AGREED).when(AUTHORISE, room.HOA_HERE).then_refused("NOT_RESPONSIBLE")
    stop = StopRecording(**IT)
    ready(*room.RECORDED).when(stop, room.HOA_HERE).then_refused("NOT_RESPONSIBLE")
    ready(*room.RECORDED).when(stop, room.LAN_HERE).then(STOPPED)
    ready(*room.RECORDED, STOPPED).when(stop, room.LAN_HERE).then_refused("RECORDING_IS_PAST")


def test_either_end_of_an_examination_authorises_in_its_own_room() -> None:
    own = LiveSessionOpened(
        examination_id=EXAMINATION, facility_id=THAI_NGUYEN, partner_id=BACH_MAI, patient_id=PATIENT
    )
    history = (own, *room.AGREED[1:])
    ready(*history).when(AUTHORISE, PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")
    ready(*history, *room.AUTHORISED[-1:]).when(StopRecording(**IT), PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")
    ready(*history).when(AUTHORISE, room.HOA_HERE).then(room.AUTHORISED[-1])


def test_a_track_is_in_one_recording_at_a_time() -> None:
    ready(*room.RECORDED).when(AUTHORISE, room.LAN_HERE).then_refused("RECORDING_ALREADY_AUTHORISED")
    second = AUTHORISE.model_copy(update={"recording_id": UUID(int=239)})
    ready(*room.RECORDED).when(second, room.LAN_HERE).then_refused("TRACK_IS_RECORDED")
    gone = AUTHORISE.model_copy(update={"track_ids": (UUID(int=9),)})
    ready(*room.AGREED).when(gone, room.LAN_HERE).then_refused("NO_SUCH_TRACK")


def withheld(destination: Destination) -> Event:
    scan = room.SCAN.model_copy(update={"withheld_from": (destination,)})
    return published(PROBE_PICTURE, HOA, Source.ULTRASOUND, PATIENT, ultrasound=scan)


def with_scan(event: Event, history: tuple[Event, ...]) -> tuple[Event, ...]:
    return tuple(event if getattr(one, "ultrasound", None) and one in room.SHOWN[-3:] else one for one in history)


def test_a_picture_that_is_withheld_from_recordings_is_not_recorded() -> None:
    history = with_scan(withheld(Destination.RECORDING), room.AGREED)
    ready(*history).when(AUTHORISE, room.LAN_HERE).then_refused("PICTURE_WITHHELD")


# Withdrawal --------------------------------------------------------------------------------------------------

WITHDRAW = WithdrawRecordingConsent(**ON_SCAN)
WITHDRAWN = RecordingConsentWithdrawn(track_id=PROBE_PICTURE, person_id=PATIENT, recording_ids=(RECORDING,))


def test_a_withdrawal_stops_the_recording_and_marks_it() -> None:
    stopped = RecordingStopped(recording_id=RECORDING, cause=StopCause.CONSENT_WITHDRAWN)
    for context in (room.AT_HOME, room.HOA_HERE):
        ready(*room.RECORDED).when(WITHDRAW, context).then(stopped, WITHDRAWN)
    ready(*room.RECORDED).when(WITHDRAW, room.LAN_HERE).then_refused("NOT_YOUR_FACILITY")


def test_what_was_recorded_before_is_marked_also_after_the_room_was_closed() -> None:
    ready(*room.RECORDED, STOPPED, SEALED, LiveSessionClosed()).when(WITHDRAW, room.AT_HOME).then(WITHDRAWN)


def test_only_a_consent_that_was_given_is_taken_back() -> None:
    ready(*room.SHOWN).when(WITHDRAW, room.AT_HOME).then_refused("NO_RECORDING_CONSENT")
    ready(*room.RECORDED, WITHDRAWN).when(WITHDRAW, room.AT_HOME).then_refused("NO_RECORDING_CONSENT")


def test_nothing_starts_after_a_withdrawal() -> None:
    stopped = RecordingStopped(recording_id=RECORDING, cause=StopCause.CONSENT_WITHDRAWN)
    ready(*room.AUTHORISED, stopped, WITHDRAWN).when(START, room.THE_WORKER).then_refused("RECORDING_IS_PAST")


def test_the_last_door_before_the_first_byte_looks_at_the_consent_again() -> None:
    # No command leads here; a history that was mended by hand could.
    ready(*room.AUTHORISED, WITHDRAWN).when(START, room.THE_WORKER).then_refused("EVERYBODY_HAS_TO_CONSENT")


# What the recorder tells -------------------------------------------------------------------------------------


def test_the_recorder_starts_what_was_authorised_and_nothing_else() -> None:
    ready(*room.AUTHORISED).when(START, room.THE_WORKER).then(RecordingStarted(recording_id=RECORDING))
    ready(*room.AGREED).when(START, room.THE_WORKER).then_refused("NO_SUCH_RECORDING")
    ready(*room.RECORDED).when(START, room.THE_WORKER).then_refused("RECORDING_IS_PAST")
    ready(*room.AUTHORISED).when(START, room.LAN_HERE).then_refused("ROLE_NOT_ALLOWED")


def test_the_first_bytes_and_every_gap_are_facts() -> None:
    first = FirstBytesWritten(recording_id=RECORDING)
    ready(*room.RECORDED).when(RecordFirstBytes(**IT), room.THE_WORKER).then(first)
    ready(*room.AUTHORISED).when(RecordFirstBytes(**IT), room.THE_WORKER).then_refused("RECORDING_IS_PAST")
    gap = RecordRecordingGap(**IT, track_id=CAMERA, gap=GAP, cause=GapCause.RECORDER_LOST)
    told = RecordingInterrupted(recording_id=RECORDING, track_id=CAMERA, gap=GAP, cause=GapCause.RECORDER_LOST)
    ready(*room.RECORDED).when(gap, room.THE_WORKER).then(told)
    elsewhere = gap.model_copy(update={"track_id": room.SOUND})
    ready(*room.RECORDED).when(elsewhere, room.THE_WORKER).then_refused("NO_SUCH_TRACK")


def test_a_recording_ends_and_is_sealed_also_after_the_room_was_closed() -> None:
    ended = RecordingStopped(recording_id=RECORDING, cause=StopCause.TRACKS_ENDED)
    end = RecordRecordingEnded(**IT, cause=StopCause.TRACKS_ENDED)
    ready(*room.RECORDED).when(end, room.THE_WORKER).then(ended)
    ready(*room.RECORDED, ended).when(SEAL, room.THE_WORKER).then(SEALED)
    ready(*room.RECORDED, ended, LiveSessionClosed()).when(SEAL, room.THE_WORKER).then(SEALED)
    ready(*room.RECORDED).when(SEAL, room.THE_WORKER).then_refused("RECORDING_IS_PAST")
    ready(*room.RECORDED, ended, SEALED).when(SEAL, room.THE_WORKER).then_refused("RECORDING_IS_PAST")


@pytest.mark.parametrize("history", [room.AUTHORISED, room.RECORDED, (*room.RECORDED, STOPPED)])
def test_a_recording_that_fails_raises_the_alarm_once(history: tuple[Event, ...]) -> None:
    ready(*history).when(FAIL, room.THE_WORKER).then(FAILED)
    ready(*history, FAILED).when(FAIL, room.THE_WORKER).then_refused("RECORDING_IS_PAST")
    ready(*history, FAILED).when(SEAL, room.THE_WORKER).then_refused("RECORDING_IS_PAST")


def test_whoever_views_a_recording_is_known() -> None:
    view = RecordRecordingViewed(**IT, person_id=DR_LAN)
    told = RecordingViewed(recording_id=RECORDING, person_id=DR_LAN)
    ready(*room.RECORDED, STOPPED, SEALED, LiveSessionClosed()).when(view, room.THE_WORKER).then(told)
    ready(*room.AGREED).when(view, room.THE_WORKER).then_refused("NO_SUCH_RECORDING")


EXPORT = ExportRecording(**IT, exported=BYTES, reason="Yêu cầu của toà án")
EXPORTED = RecordingExported(recording_id=RECORDING, person_id=DR_LAN, exported=BYTES, reason="Yêu cầu của toà án")


def test_only_a_sealed_recording_is_exported_by_somebody_in_charge() -> None:
    ready(*room.RECORDED, STOPPED, SEALED).when(EXPORT, room.LAN_HERE).then(EXPORTED)
    ready(*room.RECORDED, STOPPED).when(EXPORT, room.LAN_HERE).then_refused("RECORDING_IS_PAST")
    ready(*room.RECORDED, STOPPED, SEALED).when(EXPORT, room.HOA_HERE).then_refused("NOT_RESPONSIBLE")


def test_a_picture_that_is_withheld_from_export_stays_here() -> None:
    history = with_scan(withheld(Destination.EXPORT), (*room.RECORDED, STOPPED, SEALED))
    ready(*history).when(EXPORT, room.LAN_HERE).then_refused("PICTURE_WITHHELD")


def test_a_recording_of_one_patient_is_not_taken_for_one_of_all() -> None:
    state = LiveSession().after(room.RECORDED)
    assert state.recordings[RECORDING].track_ids == (CAMERA, PROBE_PICTURE)
    assert state.about(STOPPED) is None


# A consent that is withdrawn in its own stream ---------------------------------------------------------------

END = EndWithdrawnConsent(live_session_id=ROOM, consent_id=CONSENT_TO_RECORD)
TAKEN_BACK = {"consent": (room.CONSENTED, ConsentWithdrawn(reason="Đổi ý"))}
ENDED = RecordingStopped(recording_id=RECORDING, cause=StopCause.CONSENT_WITHDRAWN)
MARKED = RecordingConsentWithdrawn(track_id=PROBE_PICTURE, person_id=PATIENT, recording_ids=(RECORDING,))


def test_a_consent_that_was_withdrawn_stops_and_marks_what_relied_on_it() -> None:
    ready(*room.RECORDED, **TAKEN_BACK).when(END, room.THE_WORKER).then(ENDED, MARKED)
    ready(*room.RECORDED, ENDED, MARKED, **TAKEN_BACK).when(END, room.THE_WORKER).then()


def test_as_long_as_the_consent_is_given_the_recording_goes_on() -> None:
    ready(*room.RECORDED).when(END, room.THE_WORKER).then()


def test_a_recording_of_before_is_marked_also_when_the_room_is_closed() -> None:
    over = (STOPPED, SEALED, LiveSessionClosed())
    ready(*room.RECORDED, *over, **TAKEN_BACK).when(END, room.THE_WORKER).then(MARKED)


def test_a_track_that_came_back_relies_on_the_same_consent() -> None:
    again = published(room.NEXT_CAMERA, HOA, Source.ULTRASOUND, PATIENT, ultrasound=room.SCAN).model_copy(
        update={"continues": PROBE_PICTURE, "consented": (PATIENT,), "recording_ids": (RECORDING,)}
    )
    on_next = MARKED.model_copy(update={"track_id": room.NEXT_CAMERA})
    ready(*room.RECORDED, again, **TAKEN_BACK).when(END, room.THE_WORKER).then(ENDED, MARKED, on_next)


def test_who_consented_for_itself_meanwhile_relies_on_no_consent_of_the_desk() -> None:
    itself = RecordingConsented(track_id=PROBE_PICTURE, person_id=PATIENT)
    ready(*room.RECORDED, itself, **TAKEN_BACK).when(END, room.THE_WORKER).then()


def test_another_consent_ends_nothing_here() -> None:
    other = END.model_copy(update={"consent_id": UUID(int=9_999)})
    withdrawn = Consent().after((room.CONSENTED, ConsentWithdrawn(reason="Đổi ý")))
    given(*room.RECORDED, others={**care(), other.consent_id: withdrawn}).when(other, room.THE_WORKER).then()
