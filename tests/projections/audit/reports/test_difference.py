"""The difference of two editions is explained by the events between them, to the last unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain._kernel import Event, Recorded
from domain.consultation import ConsultationCancelled, ConsultationOpened
from domain.examination import ExaminationAborted, ExaminationStarted
from domain.referral import ReferralReturned
from projections.audit.reports import activity
from projections.audit.reports._difference import Change, Difference, Place, Why, difference
from projections.audit.reports._kit import Definition, State, microseconds
from tests.history import LAUNCH_DAY, History, called
from tests.projections.audit.reports.facts import fact_from, reference_of
from tests.projections.test_activity import examined
from tests.projections.test_consultation_board import planned
from tests.projections.test_referral_inbox import sent, submission

AUGUST = {"month": "2020-08"}


def between(
    events: Sequence[Recorded], position: int, parameters: Mapping[str, str] = AUGUST, of: Definition = activity.report
) -> Difference:
    """The difference of the editions as of this position and of the last."""
    state: State = of.start(parameters, reference_of(of))
    for at in events[:position]:
        of.take(state, fact_from(at))
    before, state.tally.moves = of.result(state), []
    for at in events[position:]:
        of.take(state, fact_from(at))
    read_at = microseconds(events[position - 1].recorded_at.isoformat())
    return difference(of, before, of.result(state), state.tally.moves, read_at)


def total(found: Difference, name: str) -> Change:
    (one,) = [change for change in found.changes if change.place == Place("total", None, (), name)]
    return one


def told(change: Change) -> list[tuple[str, Why, int]]:
    return [(cause.name, cause.why, cause.amount) for cause in change.causes]


def test_late_withdrawn_corrected_and_new_are_told_apart() -> None:
    history = History()
    history.happened(called("held"), planned())
    history.happened(called("held"), ConsultationOpened())
    stream = sent(history, "sent again")
    examined(history, "late", LAUNCH_DAY, recorded=LAUNCH_DAY + timedelta(hours=1))
    del history.events[-1]  # It happened, and was not recorded yet.
    position, then = len(history.events), LAUNCH_DAY + timedelta(days=2)
    late = history.happened(called("late"), ExaminationStarted(), at=LAUNCH_DAY, recorded=then)
    history.happened(called("held"), ConsultationCancelled(reason="Nhập nhầm"), at=then, recorded=then)
    history.happened(stream, ReferralReturned(reason="Sai chuyên khoa"), at=then, recorded=then)
    again = submission(number=2).model_copy(update={"speciality": "neurology"})
    history.happened(stream, again, at=then, recorded=then)
    examined(history, "new", then, recorded=then)
    found = between(history.events, position)
    examinations = total(found, "examination")
    assert (examinations.before, examinations.after) == (0, 2)
    assert told(examinations) == [("examination.started", Why.LATE, 1), ("examination.started", Why.NEW, 1)]
    assert examinations.causes[0].happened_us < examinations.causes[0].recorded_us == microseconds(then.isoformat())
    assert examinations.causes[0].position == late.position
    assert told(total(found, "consultation")) == [("consultation.cancelled", Why.WITHDRAWN, -1)]
    moved = {
        change.place.row: (change.before, change.after, told(change))
        for change in found.changes
        if change.place.table == "by_speciality" and change.place.name == "referral"
    }
    assert moved[("neurology",)] == (None, 1, [("referral.submitted", Why.CORRECTED, 1)])
    assert found.counts() == {"late": 1, "corrected": 1, "withdrawn": 1, "new": 1}


def test_nothing_between_two_editions_explains_nothing() -> None:
    history = History()
    examined(history, "one", LAUNCH_DAY)
    assert between(history.events, 2).changes == []


ACTS = ("a", "b", "c", "d")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.sampled_from(["step", "off"]), st.integers(-40, 40)), min_size=2, max_size=25
)


def played(steps: Sequence[tuple[str, str, int]]) -> list[Recorded]:
    """Acts that begin, take place on some day, and are called off, in whatever order the steps say."""
    history, at_step = History(), dict.fromkeys(ACTS, 0)
    for name, what, day in steps:
        step, stream, at = at_step[name], called(name), LAUNCH_DAY + timedelta(days=day)
        consultation = name in "ab"
        if step == 0:
            _begin(history, name, at)
        elif what == "step":
            opened: Event = ConsultationOpened() if consultation else ExaminationStarted()
            history.happened(stream, opened, at=at)
        else:
            off: Event = ConsultationCancelled(reason="x") if consultation else ExaminationAborted(reason="x")
            history.happened(stream, off, at=at)
        at_step[name] += 1
    return history.events


def _begin(history: History, name: str, at: datetime) -> None:
    if name in "ab":
        history.happened(called(name), planned(), at=at)
    else:
        examined(history, name, at)
        del history.events[-1]


@settings(deadline=None, max_examples=150)
@given(STEPS, st.data())
def test_what_the_events_explain_adds_up_to_the_difference(steps: Any, data: st.DataObject) -> None:
    events = played(steps)
    position = data.draw(st.integers(1, len(events)))
    for change in between(events, position).changes:
        assert change.explained == int(change.after or 0) - int(change.before or 0), change
        assert change.causes
