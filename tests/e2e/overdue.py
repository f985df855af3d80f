"""A referral whose urgency clock runs out at a moment that the test chooses, told with the real commands.

The clock of the shortest urgency is fifteen minutes. So the story is told as if it was now fifteen minutes ago.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from commands.agreement import SignAgreement
from commands.facility import ConnectPoint, DeclareServices, MeasureLine, RegisterFacility
from commands.patient import RegisterPatient
from commands.referral import DraftReferral, SubmitReferral
from domain._sharing import LegalGround, SharingBasis
from domain._values import ConsultationKind, RemoteMode, Tier, Urgency, Validity
from domain.facility import Service
from domain.patient import Sex
from domain.referral import Request
from infra.postgres import Connection
from tests.story_network import GOOD_LINE, REGISTRAR, SPECIALITY, doctor
from tests.storyteller import Story

TO_TELL = timedelta(minutes=2)  # The story lets a minute pass before each of the last two commands.
RECORDED = "select count(*) from events where originator_id = $1 and topic = 'referral.answer_overdue'"


class Due:
    """Two facilities with an agreement, and a patient to refer from one to the other."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.asking, self.receiving, self.patient_id, self.referral_id = uuid4(), uuid4(), uuid4(), uuid4()

    async def prepare(self) -> None:
        self._story.now = datetime.now(UTC) - timedelta(days=1)
        for facility_id in (self.asking, self.receiving):
            await self._connect(facility_id)
        term = Validity(first=date(2020, 8, 1))
        await self._story.tell(
            REGISTRAR,
            SignAgreement(
                facility_id=self.receiving,
                partner_id=self.asking,
                term=term,
                signed_for_facility="Giám đốc Mẫu",
                signed_for_partner="Giám đốc Mẫu",
            ),
            RegisterPatient(
                patient_id=self.patient_id,
                facility_id=self.asking,
                full_name="Người bệnh Mẫu",
                sex=Sex.UNKNOWN,
                born_in=1951,
            ),
        )

    async def _connect(self, facility_id: UUID) -> None:
        service = Service(
            kind=ConsultationKind.CONSULTATION, mode=RemoteMode.REMOTE_CONSULTATION, speciality=SPECIALITY
        )
        await self._story.tell(
            REGISTRAR,
            RegisterFacility(
                facility_id=facility_id,
                name_vi="Bệnh viện Mẫu",
                national_code=f"19-{facility_id.hex[:6]}",
                tier=Tier.PROVINCIAL,
                province_code="19",
                province="Thái Nguyên",
            ),
            DeclareServices(facility_id=facility_id, first_day=date(2020, 8, 1), services=(service,)),
            MeasureLine(facility_id=facility_id, line=GOOD_LINE, instrument="iperf3"),
            ConnectPoint(facility_id=facility_id),
        )

    async def submit(self, runs_out_in: timedelta) -> None:
        day = datetime.now(UTC).date()
        clock = self._story.reference.first_answer_within(Urgency.EMERGENCY, day)
        self._story.now = datetime.now(UTC) - clock + runs_out_in - TO_TELL
        request = Request(
            receiving_facility_id=self.receiving,
            speciality=SPECIALITY,
            urgency=Urgency.EMERGENCY,
            question="Người bệnh có cần can thiệp mạch vành ngay không?",
            history="Tăng huyết áp mười năm, đau ngực trái lan lên vai từ hai giờ sáng nay.",
            findings="Huyết áp 90/60, mạch 110, men tim tăng cao.",
            sharing=SharingBasis(ground=LegalGround.LIFE_OR_HEALTH_IN_DANGER, explanation="Sốc tim, hội chẩn ngay."),
        )
        await self._story.tell(
            doctor(uuid4(), self.asking),
            DraftReferral(referral_id=self.referral_id, patient_id=self.patient_id, request=request),
            SubmitReferral(referral_id=self.referral_id),
        )

    async def recorded(self, db: Connection) -> int:
        """How often the log says that the answer did not come in time."""
        return int(await db.fetchval(RECORDED, self.referral_id))
