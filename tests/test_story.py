"""The launch day can be told, and leads where it should."""

from __future__ import annotations

from domain._kernel import State
from domain.consultation import Consultation
from domain.examination import Examination
from domain.referral import Referral
from infra.memory import MemoryEventStore
from tests.story import launch_day
from tests.story_network import CONSULTATION, EXAMINATION, REFERRAL_OF_SA_PA, REFERRAL_OF_THAI_NGUYEN
from tests.storyteller import Story


async def test_the_launch_day_ends_with_signed_minutes_and_closed_referrals() -> None:
    story = await launch_day(Story(MemoryEventStore()))
    for stream_id, kind, status in (
        (CONSULTATION, Consultation, "signed"),
        (EXAMINATION, Examination, "signed"),
        (REFERRAL_OF_THAI_NGUYEN, Referral, "closed"),
        (REFERRAL_OF_SA_PA, Referral, "closed"),
    ):
        state: State[object] = kind().after(recorded.event for recorded in await story.history(stream_id))  # type: ignore
        assert state.status == status, stream_id
