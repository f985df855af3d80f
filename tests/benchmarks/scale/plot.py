"""Growth as pictures: each figure over the number of events, both axes in powers of ten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot as plt

Sizes = Mapping[int, Mapping[str, Any]]
GIGABYTE, LARGEST_TABLES = 1e9, 6
# More lines than colours: the second round is dashed.
NAMES = ("blue", "orange", "green", "red", "purple", "brown", "pink", "gray", "olive", "cyan")
COLOURS = [f"tab:{name}" for name in NAMES]


def drawn(content: Mapping[str, Any], folder: Path) -> Sequence[Path]:
    """The files written; sizes that lack a step are left out of its picture."""
    sizes = {int(events): steps for events, steps in sorted(content["sizes"].items(), key=lambda one: int(one[0]))}
    folder.mkdir(parents=True, exist_ok=True)
    # Without a date and with fixed ids the same figures give the same file.
    plt.rcParams.update({"svg.hashsalt": "telehealth", "font.size": 9, "svg.fonttype": "none"})
    return [
        _picture(folder / "scale-disk.svg", "Gigabytes on disk", _disk(sizes)),
        _picture(folder / "scale-speed.svg", "Events a second", _speed(sizes)),
        _picture(folder / "scale-rebuilds.svg", "Events a second, rebuilds of views", _rebuilds(sizes)),
        _picture(folder / "scale-questions.svg", "p99 of questions, ms", _questions(sizes), line=50),
    ]


def _picture(file: Path, title: str, lines: Mapping[str, Mapping[int, float]], line: float | None = None) -> Path:
    figure, axes = plt.subplots(figsize=(7.2, 3.6))
    axes.set_prop_cycle(color=COLOURS * 2, linestyle=["-"] * len(COLOURS) + ["--"] * len(COLOURS))
    for name, points in lines.items():
        axes.plot(list(points), list(points.values()), marker="o", markersize=3, linewidth=1, label=name)
    if line is not None:
        axes.axhline(line, linestyle=":", color="gray", linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(title)
    axes.set_xlabel("events in the log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(file, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return file


def _points(sizes: Sizes, step: str, value: Callable[[Mapping[str, Any]], float]) -> dict[int, float]:
    return {events: value(steps[step]) for events, steps in sizes.items() if "done_at" in steps.get(step, {})}


def _disk(sizes: Sizes) -> dict[str, dict[int, float]]:
    found = {"database": _points(sizes, "weigh", lambda one: one["database"] / GIGABYTE)}
    tables: dict[str, dict[int, float]] = {}
    for events, steps in sizes.items():
        for name, weight in steps.get("weigh", {}).get("tables", {}).items():
            tables.setdefault(name, {})[events] = max(weight["table"] + weight["indexes"], 1) / GIGABYTE
    largest = sorted(tables.items(), key=lambda one: -max(one[1].values()))[:LARGEST_TABLES]
    return {
        **found,
        **dict(largest),
        "Kafka": _points(sizes, "kafka", lambda one: one["kafka_bytes"] / GIGABYTE),
        "Parquet": _points(sizes, "export", lambda one: one["events_bytes"] / GIGABYTE),
    }


def _speed(sizes: Sizes) -> dict[str, dict[int, float]]:
    return {
        "load": _points(sizes, "load", lambda one: one["events_per_second"]),
        "relay": _points(sizes, "kafka", lambda one: one["relay_events_per_second"]),
        "new consumer": _points(sizes, "kafka", lambda one: one["consumer_events_per_second"]),
        "opener": _points(sizes, "analysts", lambda one: one["opener_events_per_second"]),
        "analysts' reader": _points(sizes, "analysts", lambda one: one["reader_events_per_second"]),
        "export": _points(sizes, "export", lambda one: one["events_per_second"]),
        "signed": _points(sizes, "audit", lambda one: one["signed_events_per_second"]),
    }


def _rebuilds(sizes: Sizes) -> dict[str, dict[int, float]]:
    """Of the views of which the log holds anything."""
    names = sorted({step for steps in sizes.values() for step in steps if step.startswith("rebuild ")})
    found = {
        name.removeprefix("rebuild "): _points(sizes, name, lambda one: one["events_per_second"]) for name in names
    }
    return {name: points for name, points in found.items() if all(points.values())}


def _questions(sizes: Sizes) -> dict[str, dict[int, float]]:
    names = {name: None for steps in sizes.values() for name in steps.get("questions", {}).get("ms", {})}
    return {name: _points(sizes, "questions", lambda one, n=name: one["ms"][n]["p99"]) for name in names}  # type: ignore[misc]
