"""How long a referral waited is told of each submission, by what happened and not by when it was entered."""

from __future__ import annotations

from datetime import timedelta

from domain._values import Urgency
from domain.referral import ReferralAccepted, ReferralAnswered, ReferralCancelled, ReferralReturned
from projections.audit.reports._kit import Value
from projections.audit.reports.referral_clocks import report
from tests.history import LAUNCH_DAY, History, called
from tests.projections.audit.reports.facts import figures_of, reported, rows_of
from tests.projections.audit.reports.histories import ANSWERED, OUTCOME, lapse
from tests.projections.test_referral_inbox import drafted, submission

AUGUST = {"since": "2020-08", "until": "2020-08"}
A_MINUTE = timedelta(minutes=1)


def sent(history: History, name: str = "a referral", urgency: Urgency = Urgency.EMERGENCY) -> None:
    drafted(history, name, urgency)
    history.happened(called(name), submission(urgency), at=LAUNCH_DAY)


def answered(history: History, after: timedelta, name: str = "a referral") -> None:
    history.happened(called(name), ReferralAccepted(), at=LAUNCH_DAY + after)


def figures(history: History, **parameters: str) -> dict[str, Value]:
    return figures_of(reported(report, history.events, {**AUGUST, **parameters}))


def test_an_answer_on_the_minute_is_on_time_and_a_microsecond_later_it_is_late() -> None:
    history = History()
    for name, wait in (("on time", 15 * A_MINUTE), ("late", 15 * A_MINUTE + timedelta(microseconds=1))):
        sent(history, name)
        answered(history, wait, name)
    found = figures(history)
    assert (found["answered"], found["late"], found["on_time_percent"]) == (2, 1, "50.0")


def test_an_answer_in_time_is_in_time_though_it_was_entered_after_thelapse() -> None:
    history = History()
    sent(history)
    history.happened(called("a referral"), lapse(1), at=LAUNCH_DAY + 15 * A_MINUTE)
    answered(history, 10 * A_MINUTE)
    found = figures(history)
    assert (found["late"], found["lapse_recorded"], found["median_minutes"]) == (0, 1, "10.0")


def test_each_submission_has_its_own_clock_and_the_referral_one_loop() -> None:
    history = History()
    sent(history)
    stream = called("a referral")
    history.happened(stream, ReferralReturned(reason="Sai", suggested_speciality="stroke"), at=LAUNCH_DAY + A_MINUTE)
    history.happened(stream, submission(Urgency.EMERGENCY, 2), at=LAUNCH_DAY + timedelta(days=5))
    history.happened(stream, ANSWERED, at=LAUNCH_DAY + timedelta(days=5))
    history.happened(stream, ANSWERED, at=LAUNCH_DAY + timedelta(days=6))
    history.happened(stream, OUTCOME, at=LAUNCH_DAY + timedelta(days=9))
    result = reported(report, history.events, {"since": "2020-08", "until": "2020-09"})
    found = figures_of(result)
    assert (found["sent"], found["answered"], found["other_speciality"]) == (2, 2, 1)
    assert found["closed_percent"] == "100.0"
    assert [(row["month"], row["sent"], row["late"]) for row in rows_of(result, "by_month")] == [
        ("2020-08", 1, 0),
        ("2020-09", 1, 1),
    ]
    assert figures(history)["sent"] == 1, "September's submission is not August's"


def test_a_cancelled_referral_has_no_loop_to_close_and_waits_no_longer() -> None:
    history = History()
    sent(history, "kept")
    sent(history, "cancelled")
    history.happened(called("cancelled"), ReferralCancelled(reason="Người bệnh ra viện."))
    history.happened(drafted(history, "never sent"), ReferralCancelled(reason="Nhập nhầm."))
    found = figures(history)
    assert (found["sent"], found["waiting"], found["closed_percent"]) == (2, 1, "0.0")


def test_waits_are_counted_by_their_length_and_urgency() -> None:
    history = History()
    for number, wait in enumerate((0, 15, 16, 240, 4321)):
        sent(history, f"{number}", Urgency.URGENT if number else Urgency.ROUTINE)
        answered(history, wait * A_MINUTE, f"{number}")
    rows = rows_of(reported(report, history.events, AUGUST), "waits")
    assert [row["all"] for row in rows] == [2, 1, 1, 0, 0, 1]
    assert [row["urgent"] for row in rows] == [1, 1, 1, 0, 0, 1]


def test_what_is_dated_before_the_submission_waited_for_no_time() -> None:
    history = History()
    sent(history)
    history.happened(called("a referral"), ReferralAnswered(answer="x", answered_by=called("Dr Nga")),
                     at=LAUNCH_DAY - timedelta(days=1))  # fmt: skip
    assert figures(history)["median_minutes"] == "0.0"


def test_a_median_is_the_wait_of_somebody_and_nine_of_ten_waited_no_longer_than_the_next() -> None:
    history = History()
    for number in range(1, 11):
        sent(history, f"{number}")
        answered(history, number * A_MINUTE, f"{number}")
    (row,) = rows_of(reported(report, history.events, AUGUST), "by_month")
    assert (row["median_minutes"], row["p90_minutes"]) == ("5.0", "9.0")
