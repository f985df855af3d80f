"""Rules of reports: who may ask, in what form, and what may be sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from commands._command import Context
from commands.report import FailReport, RequestReport, SealReport, VerifyReport
from domain._kernel import Actor, Event, Role
from domain._values import Blob
from domain.report import (
    Report,
    ReportFailed,
    ReportParameter,
    ReportRequested,
    ReportSealed,
    ReportSuperseded,
    ReportVerified,
)
from infra.reference import load
from tests.spec import given

RULES = load()
MONTH = (ReportParameter(name="month", value="2020-08"),)
REPORT = Report.id_of("activity", MONTH)
MANIFEST = Blob(sha256="3e" * 32, media_type="application/json", size=900)
NOTE = "log.test/one\n100\nq83v\n\n— log.test/one AAAAAA==\n"
GROUND = "Báo cáo tháng của Bộ Y tế."


def who(*roles: Role) -> Context:
    actor = Actor(id=UUID(int=1), roles=frozenset(roles))
    return Context(actor=actor, now=datetime(2020, 9, 1, tzinfo=UTC), correlation_id=uuid4(), reference=RULES)


AUDITOR, SYSTEM = who(Role.AUDITOR), who(Role.SYSTEM)


def run(number: int) -> UUID:
    return Report.run_of(REPORT, number)


def ask(**more: Any) -> RequestReport:
    return RequestReport(**{"definition": "activity", "parameters": MONTH, "ground": GROUND, **more})


def asked(number: int = 1) -> ReportRequested:
    return ReportRequested(run_id=run(number), definition="activity", parameters=MONTH, ground=GROUND)


def seal(number: int = 1, position: int = 100, result: str = "4f", **more: Any) -> SealReport:
    told = {"checkpoint_size": 200, "cosigned_by": ("witness.test",), **more}
    return SealReport(
        report_id=REPORT,
        run_id=run(number),
        position=position,
        manifest=MANIFEST,
        result_sha256=result * 32,
        checkpoint=NOTE,
        **told,
    )


def sealed(number: int = 1, edition: int = 1, position: int = 100, result: str = "4f") -> ReportSealed:
    return ReportSealed(
        run_id=run(number),
        edition=edition,
        position=position,
        manifest=MANIFEST,
        result_sha256=result * 32,
        checkpoint=NOTE,
        checkpoint_size=200,
        cosigned_by=("witness.test",),
    )


def superseded(changed: bool) -> ReportSuperseded:
    return ReportSuperseded(run_id=run(1), by_run_id=run(2), figures_changed=changed)


def test_an_auditor_asks_for_a_report_on_a_ground() -> None:
    given().when(ask(), AUDITOR).then(asked())
    given(asked()).when(ask(), AUDITOR).then(asked(2))


def test_the_same_question_is_the_same_report_in_whatever_order_it_is_put() -> None:
    one, other = MONTH[0], ReportParameter(name="province", value="01")
    assert Report.id_of("activity", (one, other)) == Report.id_of("activity", (other, one))
    assert Report.id_of("activity", (one,)) != Report.id_of("activity", (one, other))
    assert ask(parameters=(other, one)).stream_id == ask(parameters=(one, other)).stream_id


@pytest.mark.parametrize("role", [Role.DOCTOR, Role.NURSE])
def test_only_those_may_ask_whom_the_rules_name(role: Role) -> None:
    given().when(ask(), who(role)).then_refused("REPORT_NOT_FOR_YOU", "definition")
    given().when(ask(), who(Role.PATIENT)).then_refused("ROLE_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ((), "REPORT_PARAMETER_MISSING"),
        ((*MONTH, *MONTH), "REPORT_PARAMETER_UNKNOWN"),
        ((*MONTH, ReportParameter(name="colour", value="red")), "REPORT_PARAMETER_UNKNOWN"),
        ((ReportParameter(name="month", value="August"),), "REPORT_PARAMETER_MALFORMED"),
        ((ReportParameter(name="month", value="2020-13"),), "REPORT_PARAMETER_MALFORMED"),
        ((*MONTH, ReportParameter(name="province", value="a b")), "REPORT_PARAMETER_MALFORMED"),
    ],
)
def test_parameters_are_those_of_the_report_and_of_their_form(
    parameters: tuple[ReportParameter, ...], code: str
) -> None:
    given().when(ask(parameters=parameters), AUDITOR).then_refused(code, "parameters")


def test_a_report_that_does_not_exist_is_not_asked_for() -> None:
    given().when(ask(definition="weather"), AUDITOR).then_refused("REPORT_UNKNOWN", "definition")


def test_a_report_is_as_of_a_position_or_a_time() -> None:
    both = ask(as_of_position=7, as_of_time=AUDITOR.now)
    given().when(both, AUDITOR).then_refused("AS_OF_TWICE", "as_of_time")


def test_what_was_asked_for_is_sealed_once() -> None:
    given(asked()).when(seal(), SYSTEM).then(sealed())
    given(asked(), sealed()).when(seal(), SYSTEM).then_refused("RUN_NOT_OPEN", "run_id")
    given(asked()).when(seal(number=2), SYSTEM).then_refused("RUN_NOT_OPEN")
    given().when(seal(), SYSTEM).then_refused("NOT_FOUND")


def test_nobody_but_the_system_seals() -> None:
    given(asked()).when(seal(), who(Role.AUDITOR, Role.OPERATOR)).then_refused("ROLE_NOT_ALLOWED")


def test_nothing_is_sealed_without_a_cosigned_checkpoint_that_covers_it() -> None:
    given(asked()).when(seal(cosigned_by=()), SYSTEM).then_refused("NOT_COSIGNED")
    given(asked()).when(seal(checkpoint_size=99), SYSTEM).then_refused("NOT_COVERED_BY_CHECKPOINT")
    given(asked()).when(seal(position=200), SYSTEM).then(sealed(position=200))


@pytest.mark.parametrize(("result", "changed"), [("4f", False), ("5a", True)])
def test_an_edition_of_a_later_position_supersedes_the_one_before(result: str, changed: bool) -> None:
    later = sealed(2, edition=2, position=150, result=result)
    past = given(asked(), sealed(), asked(2))
    past.when(seal(2, position=150, result=result), SYSTEM).then(later, superseded(changed))


def test_an_edition_of_an_earlier_position_supersedes_nothing() -> None:
    past: list[Event] = [asked(), sealed(), asked(2)]
    given(*past).when(seal(2, position=50), SYSTEM).then(sealed(2, edition=2, position=50))
    past += [sealed(2, edition=2, position=50), asked(3)]
    newest = ReportSuperseded(run_id=run(1), by_run_id=run(3), figures_changed=False)
    given(*past).when(seal(3, position=101), SYSTEM).then(sealed(3, edition=3, position=101), newest)


def test_a_run_that_cannot_be_sealed_is_given_up_once() -> None:
    give_up = FailReport(report_id=REPORT, run_id=run(1), code="NOT_COSIGNED", reason="Chưa có đồng ký.")
    failed = ReportFailed(run_id=run(1), code="NOT_COSIGNED", reason="Chưa có đồng ký.")
    given(asked()).when(give_up, SYSTEM).then(failed)
    given(asked(), failed).when(give_up, SYSTEM).then_refused("RUN_NOT_OPEN")
    given(asked(), failed).when(seal(), SYSTEM).then_refused("RUN_NOT_OPEN")
    given(asked(), sealed()).when(give_up, SYSTEM).then_refused("RUN_NOT_OPEN")


@pytest.mark.parametrize(("result", "agrees"), [("4f", True), ("5a", False)])
def test_whoever_computes_an_edition_anew_puts_on_record_what_came_out(result: str, agrees: bool) -> None:
    verify = VerifyReport(report_id=REPORT, run_id=run(1), result_sha256=result * 32)
    told = ReportVerified(run_id=run(1), result_sha256=result * 32, agrees=agrees)
    given(asked(), sealed()).when(verify, AUDITOR).then(told)
    given(asked(), sealed(), asked(2), sealed(2, 2, 150), superseded(False)).when(verify, AUDITOR).then(told)
    given(asked(), sealed(), asked(2)).when(
        VerifyReport(report_id=REPORT, run_id=run(2), result_sha256=result * 32), AUDITOR
    ).then_refused("RUN_NOT_SEALED", "run_id")
