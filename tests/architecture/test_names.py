"""Names: facts are past, requests are imperative, neither carries a suffix, and every one is told in a sentence."""

from __future__ import annotations

import re
import sys

import pytest

from commands._command import Command
from domain._kernel import STORED_NAME, DomainError, Event
from projections._view import View
from tests.product import commands, events, refusals, views

# Participles that do not end in -ed.
IRREGULAR = frozenset(
    {"begun", "drawn", "frozen", "given", "left", "lost", "made", "read", "seen", "sent", "shown", "taken", "told"}
    | {"hidden", "withdrawn", "written"}
)
# Names without a participle, each with the reason.
NOT_A_VERB = {"referral.answer_overdue": "the clock ran out; the field's word for that is no verb"}
SUFFIXES = re.compile(r"(Event|Command|Manager|Handler|Service|Helper|Util|Utils|Error|Exception|View|Aggregate)$")


def is_past(name: str) -> bool:
    words = name.partition(".")[2].split("_")
    return any(word.endswith("ed") or word in IRREGULAR for word in words)


def is_sentence(text: str | None) -> bool:
    first = (text or "").strip().partition("\n\n")[0]
    return bool(first) and (first[0].isupper() or first[0] in "{\"'") and first[-1] in ".!?" and " " in first


@pytest.mark.parametrize("event", events(), ids=lambda event: event.name)
def test_an_event_is_a_past_fact_of_its_aggregate(event: type[Event]) -> None:
    assert STORED_NAME.fullmatch(event.name)
    assert event.name.partition(".")[0] == event.__module__.rpartition(".")[2], "it stands in its aggregate's file"
    assert is_past(event.name) or event.name in NOT_A_VERB
    assert not SUFFIXES.search(event.__name__)


def test_exceptions_from_the_past_tense_are_still_needed() -> None:
    names = {event.name for event in events()}
    assert NOT_A_VERB.keys() <= names
    assert not [name for name in NOT_A_VERB if is_past(name)]


@pytest.mark.parametrize("name", ["examination.sign", "bed.opening", "referral.submit"])
def test_a_name_that_is_no_past_fact_is_found(name: str) -> None:
    assert not is_past(name)


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.__name__)
def test_a_command_is_a_request(command: type[Command]) -> None:
    verb = re.match(r"[A-Z][a-z]+", command.__name__)
    assert verb is not None
    assert not verb[0].endswith(("ed", "ing"))
    assert not SUFFIXES.search(command.__name__)
    assert command.by, "somebody may send it"
    assert command.leads_to, "something may come of it"


@pytest.mark.parametrize("kind", [*events(), *commands()], ids=lambda kind: kind.__name__)
def test_every_event_and_every_command_is_told_in_a_sentence(kind: type) -> None:
    assert is_sentence(kind.__doc__)


@pytest.mark.parametrize("refusal", refusals(), ids=lambda refusal: refusal.code)
def test_a_refusal_has_a_stable_code_and_a_sentence_for_the_user(refusal: type[DomainError]) -> None:
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", refusal.code)
    assert is_sentence(refusal.__doc__)
    assert "\n" not in (refusal.__doc__ or ""), "a sentence for the user has no line breaks"


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_a_view_tells_its_reader_what_the_rows_and_questions_are(view: View) -> None:
    assert is_sentence(sys.modules[view.tables[0].row.__module__].__doc__)
    for table in view.tables:
        assert is_sentence(table.row.__doc__)
        assert not (table.row.__doc__ or "").startswith(f"{table.row.__name__}("), "dataclasses wrote this docstring"
    for ask in [*view.queries.values(), *(ask for _, ask in view.nested.values())]:
        assert is_sentence(ask.__doc__), ask.__name__


@pytest.mark.parametrize("text", [None, "", "signed.", "Signed", "Signed."])
def test_what_is_no_sentence_is_found(text: str | None) -> None:
    assert not is_sentence(text)
