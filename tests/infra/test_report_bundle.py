"""A bundle, the verifier's file and the keys are enough to say whether a report is true, and to compute it again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from infra.audit.bundle import NotCovered, Wanted, write_bundle
from infra.audit.report_bundle import sealed_report
from infra.audit.report_files import NotSealed
from infra.audit.trust import Trust
from infra.postgres import connect
from projections.audit import verifier
from projections.audit.verifier import Bundle, Note, Policy, Refused, check_bundle
from tests.audit_office import LOG, public
from tests.infra.test_bundle import POLICY, STRANGER
from tests.inline_worker import InlineWorker
from tests.own_postgres import fresh_database
from tests.report_desk import TRUST, Desk, desk
from tests.story import launch_day
from tests.storyteller import Story

if TYPE_CHECKING:
    from tests.conftest import Stack


@pytest.fixture(scope="module")
async def sealed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Desk, UUID]]:
    """The launch day, its activity sealed, and a bundle with the stored bytes and one without in the desk's folder."""
    async with fresh_database(stack.dsn) as dsn, AsyncExitStack() as ends:
        worker, at = InlineWorker(dsn), await ends.enter_async_context(desk(dsn, tmp_path_factory.mktemp("desk")))
        await launch_day(Story(at.store))
        await worker.start()
        url = await ends.enter_async_context(at.office.witness())
        await ends.enter_async_context(at.office.keeping(url))
        await ends.enter_async_context(at.open())
        run_id = await at.ask()
        await at.ended(run_id)
        db = await connect(dsn)
        for stored in (True, False):
            while not await db.fetchval("select count(*) from report_run where manifest_sha256 is not null"):
                pass
            report = await sealed_report(db, at.blobs, TRUST, run_id)
            await write_bundle(db, at.office.folder, _file(at, stored), Wanted(stored=stored, report=report))
        await db.close()
        yield at, run_id
        await worker.stop()


def _file(at: Desk, stored: bool) -> Path:
    return at.home / ("stored.zip" if stored else "digests.zip")


@pytest.fixture
def unpacked(sealed: tuple[Desk, UUID], tmp_path: Path) -> Path:
    """The files of the bundle with stored bytes, for a test to change."""
    with zipfile.ZipFile(_file(sealed[0], True)) as whole:
        whole.extractall(tmp_path / "bundle")
    return tmp_path / "bundle"


def check(bundle: Path, recompute: bool = True) -> dict[str, object]:
    found: dict[str, object] = check_bundle(Bundle(bundle), Policy.read(POLICY), recompute=recompute)["report"]
    return found


def test_a_stranger_computes_the_report_again_far_from_the_project(
    sealed: tuple[Desk, UUID], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("auditor")
    shutil.copy(verifier.__file__, home / "verifier.py")
    (home / "policy").write_text(POLICY)
    command = [sys.executable, "-I", "verifier.py", "bundle", str(_file(sealed[0], True)), "--policy", "policy"]
    done = subprocess.run([*command, "--recompute"], capture_output=True, text=True, cwd=home, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.removeprefix("VERIFIED: "))["report"]
    assert (told["name"], told["parameters"], told["recomputed"]) == ("activity", {"month": "2020-08"}, True)
    asked_wrongly = subprocess.run(command[:4], capture_output=True, text=True, cwd=home, check=False)
    assert asked_wrongly.returncode == 2


def test_only_what_the_report_reads_leaves_with_it(sealed: tuple[Desk, UUID], unpacked: Path) -> None:
    names = json.loads((unpacked / "manifest.json").read_text())["names"]
    reads = json.loads((unpacked / "report" / "manifest.json").read_text())["reads"]
    assert set(names) == {*reads, "report.sealed"}
    content = (unpacked / "stored.bin").read_bytes()
    assert b"consultation" in content
    for clinical in ("Đau ngực cấp", "Alteplase", "Nên chụp mạch vành"):
        assert clinical.encode() not in content


def test_without_stored_bytes_a_report_is_shown_to_be_sealed_and_cannot_be_computed(
    sealed: tuple[Desk, UUID],
) -> None:
    file = _file(sealed[0], False)
    assert check(file, recompute=False)["recomputed"] is False
    with pytest.raises(Refused, match=r"the report reads consultation\.\w+, whose stored bytes"):
        check(file)


def change(file: Path, old: bytes, new: bytes) -> None:
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new, 1))


def _reseal(bundle: Path, name: str) -> None:
    """Let the manifest name the file as it is now: what a forger would do next."""
    manifest = json.loads((bundle / "report" / "manifest.json").read_text())
    digest = sha256((bundle / "report" / name).read_bytes()).hexdigest()
    if name == "definition.py":
        manifest["definition"]["sha256"] = digest
    for file in manifest["files"]:
        if file["name"] == name:
            file["sha256"] = digest
    (bundle / "report" / "manifest.json").write_text(json.dumps(manifest))


FALSIFIED: dict[str, tuple[Callable[[Path], None], str]] = {
    "the result": (
        lambda at: change(at / "report" / "result.json", b'"value":2', b'"value":3'),
        r"result\.json is not what was sealed",
    ),
    "a table": (
        lambda at: change(at / "report" / "tables" / "total-by_day.csv", b",1,1,2", b",1,1,9"),
        r"tables/total-by_day\.csv is not what was sealed",
    ),
    "the definition": (
        lambda at: change(at / "report" / "definition.py", b"day_of(", b"month_of("),
        "the definition is not what was sealed",
    ),
    "the kit": (lambda at: change(at / "report" / "kit.py", b"+7", b"+8"), "the kit is not what was sealed"),
    "the reference data": (
        lambda at: change(at / "report" / "reference" / "specialities.json", b"Tim m", b"Tin m"),
        "the reference data specialities is not what was sealed",
    ),
    "an event": (lambda at: change(at / "stored.bin", b"remote_consultation", b"remote_consultatiom"), "position"),
    "the manifest": (
        lambda at: change(at / "report" / "manifest.json", b"2020-08", b"2020-09"),
        "the report's manifest is not what was sealed",
    ),
    "which event seals it": (
        lambda at: change(at / "manifest.json", b'"report":{"position":', b'"report":{"position":1'),
        "does not seal the run",
    ),
    "a file is missing": (lambda at: (at / "report" / "result.json").unlink(), r"has no report/result\.json"),
}


@pytest.mark.parametrize("what", FALSIFIED)
def test_whatever_was_falsified_is_named(unpacked: Path, what: str) -> None:
    falsify, said = FALSIFIED[what]
    check(unpacked)
    falsify(unpacked)
    with pytest.raises(Refused, match=said):
        check(unpacked)


@pytest.mark.parametrize("name", ["result.json", "definition.py"])
def test_a_forger_who_mends_the_manifest_too_is_found_by_the_seal(unpacked: Path, name: str) -> None:
    change(unpacked / "report" / name, b"activity", b"activitx")
    _reseal(unpacked, name)
    with pytest.raises(Refused, match="the report's manifest is not what was sealed"):
        check(unpacked)


def test_stored_bytes_of_an_event_that_the_report_reads_cannot_be_left_out(unpacked: Path) -> None:
    manifest = json.loads((unpacked / "manifest.json").read_text())
    manifest["names"].remove("consultation.cancelled")
    (unpacked / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Refused, match=r"the report reads consultation\.cancelled, whose stored bytes"):
        check(unpacked)


def test_a_definition_that_makes_something_else_of_the_events_is_found(unpacked: Path) -> None:
    """Even where the log itself has sealed a result that its definition does not make."""
    report = json.loads((unpacked / "report" / "manifest.json").read_text())
    manifest = json.loads((unpacked / "manifest.json").read_text())
    change(unpacked / "report" / "definition.py", b'"examination.started"', b'"examination.assessed"')
    with pytest.raises(Refused, match=r"computed again from the events, .* is not what was sealed"):
        verifier._recompute(Bundle(unpacked), manifest, report)
    change(unpacked / "report" / "definition.py", b"from __future__", b"raise SystemExit('no')\nfrom __future__")
    with pytest.raises(Refused, match="the definition cannot compute the report"):
        verifier._recompute(Bundle(unpacked), manifest, report)


def test_the_seal_needs_the_cosignatures_that_the_auditor_asks_for(sealed: tuple[Desk, UUID]) -> None:
    stranger = POLICY.replace("group both all 0 1", f"witness w {STRANGER.public.text()}\ngroup both all 0 1 w")
    with pytest.raises(Refused, match="lacks the cosignatures"):
        check_bundle(Bundle(_file(sealed[0], True)), Policy.read(stranger))


async def test_what_is_not_sealed_or_not_cosigned_is_no_bundle(sealed: tuple[Desk, UUID]) -> None:
    at, run_id = sealed
    db = await connect(at.dsn)
    with pytest.raises(NotSealed):
        await sealed_report(db, at.blobs, TRUST, uuid4())
    with pytest.raises(NotCovered):
        await sealed_report(db, at.blobs, Trust(lambda: public(LOG), list), run_id, within_s=0)
    await db.close()


def test_the_seal_itself_stands_on_a_cosigned_checkpoint_of_this_log(sealed: tuple[Desk, UUID]) -> None:
    bundle = Bundle(_file(sealed[0], False))
    manifest = json.loads(bundle.text("manifest.json"))
    notes = [Note.read(bundle.text(name)) for name in bundle.names("checkpoints/")]
    roots = {note.size: note.root for note in notes}
    assert verifier.check_report(bundle, Policy.read(POLICY), manifest, roots, recompute=False)
    stranger = POLICY.replace("group both all 0 1", f"witness w {STRANGER.public.text()}\ngroup both all 0 1 w")
    with pytest.raises(Refused, match="lacks the cosignatures"):
        verifier.check_report(bundle, Policy.read(stranger), manifest, roots, recompute=False)
    for others in ({}, {size: bytes(32) for size in roots}):
        with pytest.raises(Refused, match="none of this log"):
            verifier.check_report(bundle, Policy.read(POLICY), manifest, others, recompute=False)


def test_the_bytes_of_an_event_cannot_be_left_out(unpacked: Path) -> None:
    content, starts, at = (unpacked / "stored.bin").read_bytes(), [], 0
    while at < len(content):
        starts.append(at)
        at += 4 + int.from_bytes(content[at : at + 4], "big")
    first, second = starts[0], starts[2]
    (unpacked / "stored.bin").write_bytes(content[:first] + content[second:])
    with pytest.raises(Refused, match=r"position \d+ is not what was signed: the bytes of its state"):
        check(unpacked)
    (unpacked / "stored.bin").write_bytes(content[: starts[-2]])
    with pytest.raises(Refused, match=r"position \d+ is not what was signed: the bytes of its state"):
        check(unpacked)
