"""The ultrasound of the first case, seen live: looked at together, kept as stills, recorded when everybody consented.

Rules: a recording is tried before anybody was asked, in vain; the patient's consent is taken down at the point; a still
belongs to the examination before its findings are signed.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from infra.demo.cases import STORIES
from infra.demo.day import Day, NotAsItMustBe, Person
from infra.demo.live.account import Still
from infra.demo.live.room import CAMERA, ULTRASOUND, Room
from infra.demo.live.seats import WITHIN_S, Row, Way
from infra.demo.people import Cast

LETTER = "Người bệnh đồng ý ghi hình buổi siêu âm trực tuyến này."
RECORDED_S = 6.0
SCREENS = 5
STILL_MADE = 201
IMAGES = """
query ($id: UUID!) {
  examination(examinationId: $id) {
    entries(what: [IMAGE_CAPTURED]) {
      image { imageId deviceId sha256 frameAt diagnostic width height framesPerSecond bitrateKbps }
    }
  }
}
"""


class Scan:
    """What happens with the live picture of one examination."""

    def __init__(self, day: Day, cast: Cast, room: Room, examination_id: UUID, device_id: UUID) -> None:
        self._day, self._cast, self._room, self._seats = day, cast, room, room.seats
        self._examination, self.device_id = examination_id, device_id
        code = STORIES[0].point
        self._point, self._patient = cast.point(code), cast.patients[code]
        self._doctor, self._nurse = cast.doctors[code], cast.nurses[code]
        self._specialist = cast.specialists[code]
        self.recording_id = day.id("recording of the ultrasound")
        self.session_id = self.track_id = ""
        self.stills: list[Still] = []
        self._first_bytes = 0.0

    async def examine(self) -> None:
        """The probe goes on air, is recorded, and two stills of it land in the examination."""
        await self._on_air()
        await self._record()
        before = len(await self.images())
        still = await self._still_of_the_stream()
        await self._look_together(still)
        await self._still_of_the_source()
        await self._landed(before + len(self.stills))

    async def stop(self) -> None:
        """The recording ends, and the probe is put away."""
        await asyncio.sleep(max(0.0, self._first_bytes + RECORDED_S - time.monotonic()))
        await self._do(self._cast.responsible, "stopRecording", recordingId=str(self.recording_id))
        await self._room.end(self._point, ULTRASOUND)
        self._day.stage.say("Dừng ghi hình, niêm phong bản ghi / recording stopped, being sealed")

    async def images(self) -> Sequence[Row]:
        shown = await self._day.ask(self._specialist, IMAGES, id=str(self._examination))
        return [entry["image"] for entry in shown["examination"]["entries"]]

    async def _on_air(self) -> None:
        shown = {"examinationId": str(self._examination), "deviceId": str(self.device_id)}
        self._sender = await self._room.publish(self._point, self._nurse, ULTRASOUND, ultrasound=shown)
        room = await self._seats.until("the ultrasound is live", lambda room: self._track(room, ULTRASOUND) is not None)
        self.session_id, self.track_id = str(room["liveSessionId"]), self._track(room, ULTRASOUND) or ""
        cast = self._cast
        await self._room.watch([(self._specialist, self._point, ULTRASOUND)], decodes=True)
        await self._room.watch((who, self._point, ULTRASOUND) for who in cast.observers[15 : 15 + SCREENS])
        seat = str(self._seats.participant(self._specialist))
        await self._seats.until("the specialist is on the line", lambda room: _is_present(room, seat))
        self._day.stage.say(f"Siêu âm trực tiếp, {SCREENS + 1} màn hình / the ultrasound is live on screens")

    async def _record(self) -> None:
        room = await self._seats.until("the point is on air", lambda room: self._track(room, "AUDIO") is not None)
        tracks = [self.track_id, self._track(room, CAMERA), self._track(room, "AUDIO")]
        wanted = {"liveSessionId": self.session_id, "recordingId": str(self.recording_id), "trackIds": tracks}
        await self._day.try_in_vain(self._cast.responsible, "authoriseRecording", wanted, "EVERYBODY_HAS_TO_CONSENT")
        consent_id = str(self._day.id("consent to the recording"))
        consent = {
            "consentId": consent_id,
            "patientId": str(self._patient.id),
            "purpose": "RECORDING",
            "templateSha256": hashlib.sha256(LETTER.encode()).hexdigest(),
            "manner": "WRITTEN",
        }
        await self._day.do(self._nurse, "giveConsent", consent)
        of_patient = {"trackId": self.track_id, "personId": str(self._patient.id), "consentId": consent_id}
        await self._do(self._nurse, "consentToRecording", **of_patient)
        for track in tracks[1:]:
            await self._do(self._doctor, "consentToRecording", trackId=track, personId=str(self._doctor.id))
        await self._day.do(self._cast.responsible, "authoriseRecording", wanted)
        await self._seats.until("the first bytes are written", self._is_running)
        self._first_bytes = time.monotonic()
        self._day.stage.recording = "● đang ghi / recording"
        self._day.stage.say("Mọi người đồng ý, bắt đầu ghi hình / everybody consented, the recording runs")

    def _is_running(self, room: Row) -> bool:
        return any(one["recordingId"] == str(self.recording_id) and one["firstBytesAt"] for one in room["recordings"])

    async def _still_of_the_stream(self) -> Row:
        """The specialist asks for what she sees: the next key frame, as the worker decodes it."""
        way = await self._seats.way(self._specialist)
        headers = {"Authorization": f"Bearer {way.token}"}
        answer = await self._day.http.post(way.still(self.track_id), headers=headers)
        if answer.status_code != STILL_MADE:
            raise NotAsItMustBe(f"no still was taken: {answer.status_code} {answer.text}")
        told: Row = answer.json()
        self._keep(told, None)
        return told

    async def _still_of_the_source(self) -> None:
        """The nurse hands in what her machine holds, without any loss."""
        way: Way = await self._seats.way(self._nurse)
        told = await self._sender.ask(still={"url": way.still(self.track_id), "token": way.token})
        self._keep(told["answer"], told["sha256"])

    def _keep(self, told: Row, held: str | None) -> None:
        still = Still(told["imageId"], told["sha256"], told["lossless"], told["width"], told["height"], held)
        self.stills.append(still)
        self._day.stage.stills = len(self.stills)
        kind = "không mất mát, từ máy siêu âm / lossless, from the sender" if still.lossless else "từ luồng / key frame"
        self._day.stage.say(f"Ảnh tĩnh {still.width}×{still.height} {kind}")

    async def _look_together(self, still: Row) -> None:
        """Frozen, pointed at and measured at the frame of the still, then running again."""
        frame = {"rtpTimestamp": still["rtpTimestamp"], "takenAt": still["takenAt"]}
        here = {"trackId": self.track_id, "participantId": str(self._seats.participant(self._specialist))}
        dots = [{"x": "0.42", "y": "0.36"}, {"x": "0.47", "y": "0.41", "atMs": 180}]
        stroke = {"strokeId": str(self._day.id("calliper")), "shape": "CALLIPER", "dots": dots, "label": "MVA 1,4 cm²"}
        await self._do(self._specialist, "freezePicture", **here, frame=frame)
        await self._do(self._specialist, "placePointer", **here, frame=frame, dots=dots)
        await self._do(self._specialist, "drawStroke", **here, frame=frame, **stroke)
        self._day.stage.say("Dừng hình, chỉ và đo trên ảnh / frozen, pointed at, measured")
        await self._day.beat(1.0)
        await self._do(self._specialist, "releasePicture", **here)

    async def _landed(self, wanted: int) -> None:
        deadline = time.monotonic() + WITHIN_S
        while len(await self.images()) < wanted:
            if time.monotonic() > deadline:
                raise NotAsItMustBe(f"the examination did not show {wanted} images within {WITHIN_S:g} s")
            await asyncio.sleep(0.1)

    def _track(self, room: Row, source: str) -> str | None:
        who = self._nurse if source == ULTRASOUND else self._doctor
        track = self._seats.track(room, who, source)
        return track["trackId"] if track else None

    async def _do(self, who: Person, name: str, **given: Any) -> None:
        await self._day.do(who, name, {"liveSessionId": self.session_id, **given})


def _is_present(room: Row, seat: str) -> bool:
    return any(one["participantId"] == seat and one["present"] for one in room["participants"])
