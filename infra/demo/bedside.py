"""One case in the consultation: presented, examined with images, advised on, concluded, decided at the point."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from infra.demo.cases import ICD, LOINC, STORIES, Story
from infra.demo.day import Day, Person
from infra.demo.images import pictures
from infra.demo.live.day import LiveDay
from infra.demo.people import Cast
from infra.demo.referrals import referral_id
from infra.sealing.blobs import SealedBlobs

LINE = {"bitrateKbps": 4_200, "delayMs": 80, "lossPercent": "0.1"}
DIGEST = """
query ($id: UUID!, $position: Position) {
  examination(examinationId: $id, minPosition: $position) { contentSha256 images imagesForDiagnosis }
}
"""


class Case:
    """One point's turn; where the pictures are `live`, its device is seen as it works."""

    def __init__(
        self, day: Day, cast: Cast, consultation_id: UUID, story: Story, blobs: SealedBlobs, live: LiveDay | None
    ) -> None:
        self._day, self._cast, self._story, self._blobs, self._live = day, cast, story, blobs, live
        self._consultation = {"consultationId": str(consultation_id)}
        self._examination = {"examinationId": str(day.id(f"examination {story.point}"))}
        self._case_id = day.id(f"case {story.point}")
        self._device_id = day.id(f"device {story.point}")
        self._point = cast.point(story.point)
        self._doctor, self._nurse = cast.doctors[story.point], cast.nurses[story.point]
        self._specialist = cast.specialists[story.point]

    async def present(self) -> None:
        """The chair gives the floor; the point tells of its patient and asks."""
        await self._do(self._cast.chair, "giveFloor", {**self._consultation, "facilityId": str(self._point.id)})
        case = {
            "caseId": str(self._case_id),
            "patientId": str(self._cast.patients[self._story.point].id),
            "summary": f"{self._story.history} {self._story.findings}",
            "referralId": str(referral_id(self._day, self._story)),
        }
        await self._do(self._doctor, "presentCase", {**self._consultation, **case})
        self._day.stage.say(f"{self._point.name_vi} trình ca {self._story.speciality_vi} / presents its case")
        await self._day.beat(1.0)
        for number, question in enumerate(self._story.questions):
            issue = {"issueId": str(self._issue(number)), "caseId": str(self._case_id), "question": question.asked}
            await self._do(self._doctor, "raiseIssue", {**self._consultation, **issue})
        await self._day.beat(0.6)

    async def examine(self) -> None:
        """The patient is examined at the point, with the specialist at the centre looking at the same images."""
        ordered = {
            "patientId": str(self._cast.patients[self._story.point].id),
            "pointId": str(self._point.id),
            "remoteFacilityId": str(self._cast.centre.id),
            "remoteDoctorId": str(self._specialist.id),
            "kind": "CONSULTATION",
            "speciality": self._story.speciality,
            "referralId": str(referral_id(self._day, self._story)),
            **self._consultation,
        }
        await self._exam(self._doctor, "orderExamination", **ordered)
        await self._exam(self._nurse, "startExamination")
        await self._gather()
        await self._assess()

    async def _gather(self) -> None:
        images = [self._image(number) for number in range(len(pictures(self._story.images)))]
        if self._story is STORIES[0]:
            vain = {**self._examination, **images[0]}
            await self._day.try_in_vain(self._nurse, "captureImage", vain, "DEVICE_NOT_CONNECTED")
        kind, maker = self._story.device
        await self._exam(self._nurse, "connectDevice", deviceId=str(self._device_id), deviceKind=kind, maker=maker)
        code, display, value, unit = self._story.observation
        await self._exam(
            self._nurse,
            "recordObservation",
            observationId=str(self._day.id(f"observation {self._story.point}")),
            code=_coding(LOINC, code, display),
            value={"value": value, "unit": unit},
        )
        for image in images:
            await self._exam(self._nurse, "captureImage", **image)
            await self._day.beat(0.4)
        self._day.stage.say(f"{self._point.name_vi}: {len(images)} ảnh {kind} / images, {maker}")
        if self._live is not None:
            await self._live.examine(UUID(self._id), self._device_id)

    def _image(self, number: int) -> dict[str, Any]:
        picture = pictures(self._story.images)[number]
        blob = self._blobs.put(picture.content, picture.media_type)
        return {
            "imageId": str(self._day.id(f"image {self._story.point} {number}")),
            "deviceId": str(self._device_id),
            "image": {"sha256": blob.sha256, "mediaType": blob.media_type, "size": blob.size},
            "frameAt": datetime.now(UTC).isoformat(),
            "measured": {
                **LINE,
                "width": picture.width,
                "height": picture.height,
                "framesPerSecond": picture.frames_per_second,
            },
        }

    async def _assess(self) -> None:
        await self._exam(
            self._specialist, "recordAssessment", findings=self._story.assessment, advice=self._story.advice
        )
        answer = await self._exam(self._specialist, "makeDiagnosis", coding=_coding(ICD, *self._story.diagnosis))
        shown = await self._day.ask(self._specialist, DIGEST, id=self._id, position=answer.position)
        digest = shown["examination"]["contentSha256"]
        unfit = shown["examination"]["images"] - shown["examination"]["imagesForDiagnosis"]
        self._day.stage.say(
            f"{self._specialist.name} ký kết quả {self._story.diagnosis[0]} / signs the findings"
            + (f"; {unfit} ảnh không dùng để chẩn đoán / not for diagnosis" if unfit else "")
        )
        self._digest = digest

    async def discuss(self, colleague: Person) -> None:
        """The specialist and a doctor of another point advise; the chair concludes every issue."""
        for number, question in enumerate(self._story.questions):
            issue = {**self._consultation, "issueId": str(self._issue(number))}
            specialist = {**issue, "speciality": self._story.speciality, "opinion": question.specialist}
            await self._do(self._specialist, "giveOpinion", specialist)
            await self._day.beat(0.6)
            other = {**issue, "speciality": "general_practice", "opinion": question.colleague}
            await self._do(colleague, "giveOpinion", other)
            await self._day.beat(0.6)
            if self._story is STORIES[-1]:
                code = "ISSUES_WITHOUT_CONCLUSION"
                await self._day.try_in_vain(self._cast.responsible, "closeConsultation", self._consultation, code)
            await self._do(self._cast.chair, "concludeIssue", {**issue, "conclusion": question.conclusion})
            self._day.stage.say(f"Kết luận / conclusion: {question.conclusion}")

    async def decide(self) -> None:
        """The remote doctor signs; the doctor at the point decides, which is another fact."""
        await self._exam(self._specialist, "signExamination", contentSha256=self._digest)
        await self._exam(
            self._doctor, "takeDecision", followsAssessment=True, treatsLocally=True, decision=self._story.decision
        )
        await self._exam(self._doctor, "orderTreatment", treatment=self._story.advice)

    @property
    def _id(self) -> str:
        return self._examination["examinationId"]

    def _issue(self, number: int) -> UUID:
        return self._day.id(f"issue {self._story.point} {number}")

    async def _do(self, who: Person, name: str, given: dict[str, Any]) -> None:
        await self._day.do(who, name, given)

    async def _exam(self, who: Person, name: str, **given: Any) -> Any:
        return await self._day.do(who, name, {**self._examination, **given})


def _coding(system: tuple[str, str], code: str, display: str) -> dict[str, str]:
    return {"system": system[0], "version": system[1], "code": code, "display": display}
