"""What holds for every definition: it stands alone, its bytes are the same everywhere, its changes have causes."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from domain._catalogue import every_event
from domain._kernel import EVENTS, Recorded
from infra.audit.definitions import Installed, installed
from projections.audit.reports import record_history
from projections.audit.reports._difference import difference
from projections.audit.reports._kit import State, microseconds
from projections.patient_record import RecordAggregate
from tests.product import ROOT
from tests.projections.audit.reports.facts import fact_from, reference_of, stored_parts
from tests.story_network import BACH_MAI, CONSULTATION, PATIENT_OF_SA_PA

ASKED: Mapping[str, Mapping[str, str]] = {
    "activity": {"month": "2020-08"},
    "deployment_progress": {"day": "2020-08-31"},
    "examinations": {"month": "2020-08"},
    "genuineness": {"month": "2020-08"},
    "minutes": {"consultation": str(CONSULTATION)},
    "record_history": {"patient": str(PATIENT_OF_SA_PA)},
    "referral_clocks": {"since": "2020-07", "until": "2020-09"},
    "supporting_facility_year": {"facility": str(BACH_MAI), "year": "2020"},
}
ALL = sorted(installed())


@pytest.fixture(params=ALL)
def one(request: pytest.FixtureRequest) -> Installed:
    return installed()[request.param]


def test_every_report_that_is_asked_for_here_is_installed() -> None:
    assert sorted(ASKED) == ALL


def test_a_definition_is_one_file_on_the_kit_alone(one: Installed) -> None:
    for node in ast.walk(ast.parse(one.source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            own = name == "projections.audit.reports._kit"
            assert own or name.partition(".")[0] in sys.stdlib_module_names, name


def test_a_definition_reads_the_shapes_that_are_stored_today(one: Installed) -> None:
    every_event()
    assert one.definition.reads == {name: EVENTS[name].schema_version for name in one.definition.reads}


def test_the_history_of_a_record_reads_whatever_is_about_one_patient() -> None:
    parts = {name for name in every_event() if name.partition(".")[0] in set(RecordAggregate)}
    # The rest of a consultation is about no single patient.
    about_all = {name for name in parts if name.startswith("consultation.")} - record_history.ENTRIES.keys()
    assert parts - about_all == record_history.ENTRIES.keys()
    assert about_all <= {
        *(f"consultation.{name}" for name in ("planned", "opened", "closed", "cancelled", "chair_handed_over")),
        *(f"consultation.{name}" for name in ("point_invited", "point_confirmed", "point_joined", "point_left")),
        *(f"consultation.{name}" for name in ("floor_given", "minutes_signed", "minutes_completed")),
    }


def test_every_fact_that_is_about_the_patient_in_the_story_is_an_entry(whole_story: Sequence[Recorded]) -> None:
    about = {at.event.name for at in whole_story if at.metadata.patient_id is not None}
    assert about <= record_history.ENTRIES.keys()


def test_every_changed_figure_is_explained_by_events_between_the_editions(
    one: Installed, whole_story: Sequence[Recorded]
) -> None:
    parameters, facts = ASKED[one.definition.name], [fact_from(at) for at in whole_story]
    for position in range(20, len(facts), 7):
        state: State = one.definition.start(parameters, reference_of(one.definition))
        for fact in facts[:position]:
            one.definition.take(state, fact)
        before, state.tally.moves = one.definition.result(state), []
        for at in whole_story[position:]:
            one.definition.take(state, fact_from(at))
        read_at = microseconds(whole_story[position - 1].recorded_at.isoformat())
        found = difference(one.definition, before, one.definition.result(state), state.tally.moves, read_at)
        unexplained = [change.place for change in found.changes if not change.causes]
        assert unexplained == []


PRINT = """
import json, sys
from hashlib import sha256
from infra.audit.definitions import installed
from projections.audit.reports._kit import computed, fact_of, files_of
from tests.projections.audit.reports.facts import reference_of
from tests.projections.audit.reports.test_every_definition import ASKED
stored = [tuple(map(bytes.fromhex, one)) for one in json.load(sys.stdin)]
for name, one in installed().items():
    result = computed(one.definition, ASKED[name], reference_of(one.definition), (fact_of(*parts) for parts in stored))
    files = files_of(one.definition, ASKED[name], result)
    print(name, sha256(b"".join(files[key] for key in sorted(files))).hexdigest())
"""


def test_the_same_facts_give_the_same_bytes_in_every_zone_locale_and_hash_order(
    whole_story: Sequence[Recorded],
) -> None:
    stored = json.dumps([[part.hex() for part in stored_parts(at)] for at in whole_story])
    outputs = set()
    for zone, locale, seed in (("UTC", "C", "0"), ("Asia/Tokyo", "vi_VN.UTF-8", "4711")):
        around = {**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-c", PRINT],
            cwd=ROOT,
            env=around,
            input=stored,
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == len(ASKED)
