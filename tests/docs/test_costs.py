"""What the page on scale says of money is what docs/costs.py computes, from what was measured and what is needed."""

from __future__ import annotations

import json
import re

import pytest

from docs import costs
from tests.product import ROOT

PAGE = (ROOT / "docs" / "scale.md").read_text()
MEASURED = json.loads((ROOT / "docs" / "scale.json").read_text())["sizes"]


def needed(what: str) -> str:
    """The line of the table of what a nation needs."""
    (line,) = re.findall(rf"^\| {what} \|.*$", PAGE, re.MULTILINE)
    return str(line)


def test_the_page_shows_what_is_computed() -> None:
    (shown,) = re.findall(r"^```text\n(million.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown.splitlines() == list(costs.lines())


def test_what_an_event_takes_is_what_was_measured() -> None:
    largest = MEASURED[max(MEASURED, key=int)]
    events, weights = largest["load"]["events"], largest["weigh"]
    log = sum(weights["tables"][one]["table"] + weights["tables"][one]["indexes"] for one in ("events", "commands"))
    found = (log / events, (weights["database"] - log) / events, largest["kafka"]["kafka_bytes"] / events)
    assert pytest.approx(found, rel=0.1) == (costs.LOG, costs.VIEWS, costs.KAFKA)


@pytest.mark.parametrize(
    ("what", "numbers"),
    [
        ("PostgreSQL", (costs.DATABASES, costs.DATABASE_CORES, costs.DATABASE_MEMORY, costs.DATABASE_DISK_GB // 1_000)),
        ("Kafka", (costs.BROKERS, costs.BROKER_CORES, costs.BROKER_MEMORY, costs.BROKER_DISK_GB)),
        ("api", (costs.API, costs.API_MEMORY)),
        ("media", (costs.MEDIA, costs.MEDIA_CORES, costs.MEDIA_MEMORY)),
    ],
)
def test_what_is_paid_for_is_what_the_table_says_is_needed(what: str, numbers: tuple[int, ...]) -> None:
    said = [int(one) for one in re.findall(r"\d+", needed(what))]
    assert set(numbers) <= set(said), f"{needed(what)} is not {numbers}"


def test_the_other_processes_are_those_of_the_table() -> None:
    names, counts = needed("projections, relay, reactors, opener, ledger, reports").strip("| ").split(" | ")[:2]
    assert len(names.split(", ")) == len(counts.split(", "))
    assert sum(int(one) for one in counts.split(", ")) == costs.OTHERS


def test_another_price_is_another_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    before = costs.month(3)
    monkeypatch.setattr(costs, "FAST_DISK_GB", 2 * costs.FAST_DISK_GB)
    after = costs.month(3)
    assert {name for name in before if before[name] != after[name]} == {"fast disks"}
    assert after["fast disks"] == 2 * before["fast disks"]
