"""A register enters the log through commands: once, however often it is imported and wherever it is broken off."""

from __future__ import annotations

import asyncio
import csv
import json
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from commands._bus import Bus
from commands.facility import RegisterFacility
from domain._kernel import Event
from domain._values import Tier
from domain.facility import (
    FacilityAffiliated,
    FacilityReclassified,
    FacilityRecoded,
    FacilityRelocated,
    FacilityRenamed,
)
from infra.mapper import to_recorded
from infra.memory import MemoryEventStore
from infra.register.command import context_of, import_register
from infra.register.importing import Import, Known, Outcome, id_of
from infra.register.rows import RegisterFile, read
from infra.settings import Settings

HEADER = "national_code,name_vi,tier,province_code,district_code,parent_code,former_code"
SA_PA = "10088,Bệnh viện Sa Pa,district,10,088,,"
TA_VAN = "10089,Trạm y tế Tả Van,commune,10,088,10088,"
BACH_MAI = "01001,Bệnh viện Bạch Mai,central,01,,,"
DAY_2020, DAY_2026 = date(2020, 8, 27), date(2026, 1, 15)


Told = tuple[RegisterFile, Mapping[int, Outcome]]


class Office:
    """Keeps a register, and imports it again and again."""

    def __init__(self, store: MemoryEventStore | None = None) -> None:
        self.store = store or MemoryEventStore()

    @property
    def events(self) -> list[Event]:
        return [to_recorded(row).event for row in self.store.rows]

    def known(self) -> dict[str, object]:
        return {at.event.national_code: at.stream_id for at in map(to_recorded, self.store.rows)
                if hasattr(at.event, "national_code")}  # fmt: skip

    async def imports(self, *lines: str, day: date = DAY_2020, **more: object) -> Told:
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("\n".join((HEADER, *lines)))
            file.flush()
            found = read(Path(file.name))
        run = Import(self.store, Bus(self.store), context_of(day), Known(self.known()), **more)  # type: ignore[arg-type]
        await run.run(found.rows)
        return found, run.outcomes

    async def learns(self, *lines: str, day: date = DAY_2020) -> list[Event]:
        """What the log holds of it that it did not hold before."""
        before = len(self.events)
        file, _ = await self.imports(*lines, day=day)
        assert [row.bad for row in file.rows if row.bad] == []
        return self.events[before:]


async def test_an_import_made_twice_is_one_import() -> None:
    office = Office()
    assert len(await office.learns(SA_PA, TA_VAN, BACH_MAI)) == 3
    assert await office.learns(SA_PA, TA_VAN, BACH_MAI) == []
    assert await office.learns(BACH_MAI.upper(), TA_VAN, SA_PA) == [], "capitals and order are no news"


async def test_what_has_changed_in_a_row_is_what_the_log_learns() -> None:
    office = Office()
    await office.learns(SA_PA, TA_VAN, BACH_MAI)
    assert await office.learns(SA_PA.replace("Sa Pa", "khu vực Sa Pa")) == [
        FacilityRenamed(name_vi="Bệnh viện khu vực Sa Pa")
    ]
    assert await office.learns("10088,Bệnh viện khu vực Sa Pa,provincial,10,,01001,") == [
        FacilityReclassified(tier=Tier.PROVINCIAL),
        FacilityAffiliated(parent_id=id_of("01001")),
    ]
    assert await office.learns("10088,Bệnh viện khu vực Sa Pa,,10,,,") == [], "a blank erases nothing"


async def test_an_entry_goes_back_to_what_it_was_and_forth_again() -> None:
    office = Office()
    names = ["Bệnh viện Sa Pa", "Bệnh viện Mới", "Bệnh viện Sa Pa", "Bệnh viện Mới"]
    learnt = [await office.learns(f"10088,{name},district,10,,,") for name in names]
    assert [len(events) for events in learnt] == [1, 1, 1, 1]


async def test_a_unit_with_another_code_stays_the_same_facility() -> None:
    office = Office()
    await office.learns(SA_PA, TA_VAN)
    merged = "15-088,Bệnh viện khu vực Sa Pa,district,10,088,,10088"
    child = "10089,Trạm y tế Tả Van,commune,10,088,15-088,"
    expected = [FacilityRenamed(name_vi="Bệnh viện khu vực Sa Pa"), FacilityRecoded(national_code="15-088")]
    assert await office.learns(merged, child) == expected
    assert await office.learns(merged, child) == []
    assert {to_recorded(row).stream_id for row in office.store.rows} == {id_of("10088"), id_of("10089")}


async def test_a_register_of_2026_has_the_codes_of_2026() -> None:
    office = Office()
    await office.learns(SA_PA)
    assert await office.learns("10088,Bệnh viện Sa Pa,district,15,,,", day=DAY_2026) == [
        FacilityRelocated(province_code="15", province="Lào Cai", listed_on=DAY_2026)
    ]
    file, _ = await office.imports(SA_PA, day=DAY_2026)
    assert file.rows[0].bad is not None
    assert file.rows[0].bad.code == "UNKNOWN_PROVINCE"


async def test_every_bad_row_is_named_and_the_good_ones_are_there() -> None:
    office = Office()
    file, outcomes = await office.imports(
        SA_PA,
        "99001,Nơi không tỉnh,district,99,,,",
        "10090,Nơi không tuyến,private,10,,,",
        "10091,Nơi sai huyện,commune,10,88,,",
        "10092,Của chính mình,commune,10,,10092,",
        "10093,Của không ai,commune,10,,77777,",
        "10088,Hai lần,district,10,,,",
    )
    assert {row.line: row.bad.code for row in file.rows if row.bad} == {
        3: "UNKNOWN_PROVINCE", 4: "TIER_UNKNOWN", 5: "NOT_VALID", 6: "PARENT_CIRCLE", 8: "CODE_TWICE",
    }  # fmt: skip
    assert all(row.bad.reason for row in file.rows if row.bad)
    assert [line for line, outcome in outcomes.items() if outcome is Outcome.REGISTERED] == [2, 7]
    assert "77777" in file.rows[5].notes[0]
    assert len(office.events) == 2


async def test_who_belonged_to_nobody_yet_belongs_to_its_parent_once_that_is_known() -> None:
    office = Office()
    await office.learns(TA_VAN)
    assert await office.learns(SA_PA, TA_VAN) == [office.events[1], FacilityAffiliated(parent_id=id_of("10088"))]


async def test_a_code_that_another_facility_has_is_not_given_away() -> None:
    office = Office()
    await office.learns(SA_PA, TA_VAN)
    file, _ = await office.imports(SA_PA, "20000,Trạm,commune,10,,,10088")
    assert [row.bad.code for row in file.rows if row.bad] == ["FACILITY_TWICE"]


async def test_a_dry_run_tells_what_would_be_and_does_nothing() -> None:
    office = Office()
    await office.learns(SA_PA)
    lines = (SA_PA.replace("Sa Pa", "Mới"), TA_VAN, "99001,x,district,99,,,")
    _, told = await office.imports(*lines, dry_run=True)
    assert len(office.events) == 1
    _, done = await office.imports(*lines)
    assert told == done == {2: Outcome.CHANGED, 3: Outcome.REGISTERED, 4: Outcome.BAD}


async def test_the_default_tier_is_for_new_facilities_that_do_not_tell_theirs() -> None:
    office = Office()
    _, outcomes = await office.imports("10090,Nơi mới,private,10,,,", default_tier=Tier.PROVINCIAL)
    assert outcomes == {2: Outcome.REGISTERED}
    _, outcomes = await office.imports("10090,Nơi mới,,10,,,", default_tier=Tier.COMMUNE)
    assert outcomes == {2: Outcome.UNCHANGED}


class BreaksOff(MemoryEventStore):
    """A log whose reader dies after so many appends."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    async def append(self, wish):  # type: ignore[no-untyped-def]
        self.left -= 1
        if self.left < 0:
            raise ConnectionAbortedError
        return await super().append(wish)


@settings(max_examples=25, deadline=None)
@given(after=st.integers(0, 12), order=st.permutations(range(12)))
def test_an_import_that_is_broken_off_anywhere_and_made_again_is_one_import(after: int, order: list[int]) -> None:
    lines = [f"100{n:02},Nơi {n},commune,10,,{f'100{n // 2:02}' if n else ''}," for n in range(12)]
    store = BreaksOff(after)
    office = Office(store)
    try:
        asyncio.run(office.imports(*(lines[n] for n in order)))
    except ConnectionAbortedError:
        assert len(office.events) <= after
    store.left = 1_000
    asyncio.run(office.imports(*(lines[n] for n in order)))
    assert len(office.events) == 12
    assert len({to_recorded(row).stream_id for row in store.rows}) == 12


def told_by(report: Path) -> list[dict[str, str]]:
    with report.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_command_tells_what_became_of_each_row_and_ends_accordingly(log_database: str, tmp_path: Path) -> None:
    given_settings = Settings.from_env().model_copy(update={"database_url": log_database})
    file = tmp_path / "register.csv"

    def imported(text: str, **more: object) -> int:
        file.write_text(f"{HEADER}\n{text}\n", encoding="utf-8")
        options: dict[str, object] = {"day": DAY_2020, "default_tier": None, "dry_run": False, "report": None, **more}
        return import_register(given_settings, Console(quiet=True), file, **options)  # type: ignore[arg-type]

    assert imported(f"{SA_PA}\n{TA_VAN}") == 0
    assert [row["outcome"] for row in told_by(tmp_path / "register.csv.report.csv")] == ["registered", "registered"]
    assert imported(f"{SA_PA}\n{TA_VAN}") == 0
    assert imported(f"{SA_PA}\n99001,x,district,99,,,", dry_run=True) == 1
    bad = told_by(tmp_path / "register.csv.report.csv")[1]
    assert (bad["line"], bad["outcome"], bad["code"]) == ("3", "bad", "UNKNOWN_PROVINCE")
    sums = json.loads((tmp_path / "register.csv.report.json").read_text())
    assert (sums["rows"], sums["unchanged"], sums["bad_by_code"], sums["dry_run"]) == (
        2,
        1,
        {"UNKNOWN_PROVINCE": 1},
        True,
    )
    file.write_text("something,else\n")
    options = {"day": None, "default_tier": None, "dry_run": False, "report": None}
    assert import_register(given_settings, Console(quiet=True), file, **options) == 2  # type: ignore[arg-type]


async def test_a_facility_that_somebody_registered_by_hand_is_known_by_its_code() -> None:
    office = Office()
    id_ = uuid4()
    by_hand = RegisterFacility(
        facility_id=id_, national_code="10088", name_vi="Bệnh viện Sa Pa", tier=Tier.DISTRICT, province_code="10",
        province="Lào Cai", district_code="088",
    )  # fmt: skip
    await Bus(office.store).handle(by_hand, context_of(DAY_2020), uuid4())
    assert await office.learns(SA_PA) == []
    assert [event.parent_id for event in await office.learns(SA_PA, TA_VAN)] == [id_]  # type: ignore[attr-defined]
