"""The hour as a picture: freezes, bit rates and memory, minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

SEATS = ("centre, laptop", "Sa Pa, laptop with ultrasound", "Thái Nguyên, phone")


def draw(minutes: Sequence[dict[str, Any]], events: Sequence[dict[str, Any]], began: str, path: Path) -> None:
    """Three plots above each other, with what was done to the room as lines through them."""
    mpl.use("svg")
    figure, (freezes, rates, memory) = plt.subplots(3, 1, figsize=(9, 8), sharex=True, constrained_layout=True)
    times = [one["minute"] for one in minutes]
    for at, name in enumerate(SEATS):
        freezes.plot(times, _frozen(minutes, at), label=name)
        rates.plot(times, [_rate(one["screens"][at]) for one in minutes], label=name)
    freezes.set_ylabel("frozen so far, s")
    rates.set_ylabel("received, kbit/s")
    names = sorted(minutes[-1]["rss_mb"], key=lambda name: -minutes[-1]["rss_mb"][name]) if minutes else []
    for name in [one for one in names if one not in ("browser", "postgres", "kafka")][:8]:
        memory.plot(times, [one["rss_mb"].get(name, 0) for one in minutes], label=name)
    memory.set_ylabel("memory, MB")
    memory.set_xlabel("minutes")
    start = datetime.fromisoformat(began)
    first = (datetime.fromisoformat(events[0]["at"]) - start).total_seconds() if events else 0
    recorded = next((one for one in events if one["what"].startswith("it is recorded")), None)
    zero = (datetime.fromisoformat(recorded["at"]) - start).total_seconds() if recorded else first
    for event in events:
        if any(word in event["what"] for word in ("killed", "bad", "offline")):
            moment = ((datetime.fromisoformat(event["at"]) - start).total_seconds() - zero) / 60
            for plot in (freezes, rates, memory):
                plot.axvline(moment, color="#999", linewidth=0.8, linestyle="--")
            freezes.annotate(event["what"], (moment, 1), xycoords=("data", "axes fraction"), fontsize=7, rotation=12)
    for plot in (freezes, rates, memory):
        plot.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))
        plot.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _frozen(minutes: Sequence[dict[str, Any]], seat: int) -> list[float]:
    """The sum over all lines; a connection that is new begins to count anew."""
    total, out = 0.0, []
    last: dict[str, float] = {}
    for minute in minutes:
        for line in minute["screens"][seat]:
            now = (line["numbers"] or {}).get("frozenMs", 0.0)
            before = last.get(line["name"], 0.0)
            total += now if now < before else now - before
            last[line["name"]] = now
        out.append(total / 1000)
    return out


def _rate(lines: Sequence[dict[str, Any]]) -> float:
    numbers = [one["numbers"] for one in lines if one["numbers"]]
    return float(sum(one["kbps"] for one in numbers if one["direction"] == "watch"))
