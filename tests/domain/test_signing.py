"""A signature holds for the content as it was stored, in every process that reads it again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

from domain._kernel import Event, decode
from domain._signing import NOTHING_WRITTEN, linked
from domain._values import Period
from domain.consultation import Consultation
from domain.examination import Examination
from tests.domain.cast import GOOD_LINE
from tests.domain.test_consultation import PLANNED
from tests.domain.test_consultation_minutes import DISCUSSED, WRITTEN
from tests.domain.test_examination import CAPTURED, OBSERVED
from tests.domain.test_examination_assessment import DIAGNOSED

IN_HANOI = datetime(2020, 8, 27, 14, 5, 6, 789, tzinfo=timezone(timedelta(hours=7)))


def stored(event: Event) -> Event:
    return decode(event.name, event.schema_version, event.to_json())


def test_minutes_that_are_read_from_the_log_have_the_digest_that_was_signed() -> None:
    assert Consultation().after(map(stored, DISCUSSED)).content_sha256 == WRITTEN


def test_an_examination_that_is_read_from_the_log_has_the_digest_that_was_signed() -> None:
    exact = GOOD_LINE.model_copy(update={"loss_percent": Decimal("0.10"), "frames_per_second": Decimal("29.970")})
    image = CAPTURED.model_copy(update={"frame_at": IN_HANOI, "measured": exact})
    history = (*DIAGNOSED[:3], image, OBSERVED, *DIAGNOSED[3:])
    assert Examination().after(map(stored, history)).content_sha256 == Examination().after(history).content_sha256


def test_a_time_of_another_zone_keeps_its_place_in_the_digest() -> None:
    local = PLANNED[0].model_copy(update={"period": Period(start=IN_HANOI, end=IN_HANOI + timedelta(hours=1))})
    assert linked(NOTHING_WRITTEN, stored(local)) == linked(NOTHING_WRITTEN, local)


def test_equal_texts_of_different_facts_have_different_digests() -> None:
    first, second = (
        event for event in DISCUSSED if event.name in {"consultation.issue_raised", "consultation.case_presented"}
    )
    assert linked(NOTHING_WRITTEN, first) != linked(NOTHING_WRITTEN, second)
    assert linked(linked(NOTHING_WRITTEN, first), second) != linked(linked(NOTHING_WRITTEN, second), first)
