"""The board in the terminal: points, floor, cases with conclusions, referrals with their clocks, counters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.demo.stage import Stage

PRESENCE = {
    "JOINED": ("●", "green", "đã nối / joined"),
    "CONFIRMED": ("○", "cyan", "xác nhận / confirmed"),
    "INVITED": ("·", "dim", "được mời / invited"),
    "LEFT": ("✗", "red", "mất tín hiệu / lost"),
}
REFERRAL = {
    "DRAFT": "nháp / draft",
    "SUBMITTED": "đã gửi / submitted",
    "RETURNED": "bị trả lại / returned",
    "ACCEPTED": "đã nhận / accepted",
    "SCHEDULED": "đã xếp lịch / scheduled",
    "ANSWERED": "đã trả lời / answered",
    "CLOSED": "đã đóng / closed",
}
_NOTHING_YET = Text("chưa có / none yet", style="dim")


class Board:
    """Renders the stage anew whenever rich asks for it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __rich__(self) -> RenderableType:
        stage = self._stage
        title = stage.board.get("title") or "27/8/2020: 206 bệnh viện / hospitals"
        return Group(
            Text(f" {title}", style="bold"),
            Text(f" {_counters(stage)}", style="dim", no_wrap=True, overflow="ellipsis"),
            _panel(_points(stage), "Điểm cầu / points"),
            _panel(_cases(stage), "Ca bệnh / cases and issues"),
            _panel(_referrals(stage), "Yêu cầu hội chẩn / referrals"),
            *([_panel(_pictures(stage), "Hình trực tiếp / live pictures")] if stage.seen else []),
            _panel(_steps(stage), "Diễn biến / what happens"),
        )


def _panel(content: RenderableType, title: str) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="blue")


def _points(stage: Stage) -> RenderableType:
    """Two to a line, so that no name is cut short on a terminal of 100 columns."""
    points = stage.board.get("points", [])
    if not points:
        return _NOTHING_YET
    table = Table.grid(padding=(0, 1), expand=True)
    for _ in range(2):
        table.add_column(ratio=1, no_wrap=True)
    for pair in (points[i : i + 2] for i in range(0, len(points), 2)):
        table.add_row(*(_point(stage, point) for point in pair))
    watching = {
        one["presence"]: one["points"] for one in stage.board.get("attendance", []) if one["role"] == "OBSERVER"
    }
    if watching:
        told = (f"{count} {PRESENCE[presence][2]}" for presence, count in watching.items())
        table.add_row(Text("  Theo dõi / observers"), Text(", ".join(told), style="dim"))
    return table


def _point(stage: Stage, point: Mapping[str, Any]) -> Text:
    sign, colour, meaning = PRESENCE[point["presence"]]
    told = Text(no_wrap=True, overflow="ellipsis").append(sign, style=colour).append(f" {_name(stage, point)}")
    if stage.board.get("floorId") == point["facilityId"]:
        told.append(" 🎤")
    if point["presence"] != "JOINED":
        told.append(f" {meaning}", style=colour)
    elif point["timesRejoined"]:
        told.append(f" lại / back ×{point['timesRejoined']}", style="dim")
    return told


def _name(stage: Stage, row: Mapping[str, Any], of: str = "facilityId") -> str:
    """As on a sign at a Vietnamese ward: BV is what everybody reads as bệnh viện, hospital."""
    known: str = row[of]
    return stage.names.get(known, known).replace("Bệnh viện", "BV")


def _cases(stage: Stage) -> RenderableType:
    if not stage.board.get("issues"):
        return _NOTHING_YET
    table = Table.grid(padding=(0, 1))
    for issue in stage.board.get("issues", []):
        table.add_row("?", Text(issue["question"], overflow="ellipsis", no_wrap=True))
        if issue["conclusion"]:
            table.add_row("→", Text(issue["conclusion"], style="green", overflow="ellipsis", no_wrap=True))
        else:
            table.add_row("", Text(f"{issue['opinions']} ý kiến / opinions", style="yellow"))
    return table


def _referrals(stage: Stage) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for row in stage.referrals.values():
        name = Text(_name(stage, row, of="askingFacilityId"), no_wrap=True, overflow="ellipsis")
        status = REFERRAL.get(row["status"], row["status"])
        table.add_row(name, row["speciality"], row["urgency"].lower(), status, _clock(row))
    return table


def _clock(row: dict[str, Any]) -> Text:
    """What is left until the first answer is due, as long as it is awaited."""
    due = row["answerDueAt"]
    if due is None or row["firstAnswerAt"] is not None:
        return Text("")
    left = int((datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds())
    hours, rest = divmod(max(left, 0), 3600)
    return Text(f"còn / left {hours}:{rest // 60:02}:{rest % 60:02}", style="yellow" if left < 3600 else "dim")


def _counters(stage: Stage) -> str:
    refused = sum(stage.refusals.values())
    last = "  ".join(f"#{position} {name}" for position, name in list(stage.events)[-1:])
    if stage.hospitals and not stage.board:
        last = f"vào sổ / registered {stage.hospitals}"
    return (
        f"lệnh / commands {stage.accepted} accepted, {refused} refused"
        f"   người xem / subscribers {stage.watching}   {last}"
    )


def _pictures(stage: Stage) -> RenderableType:
    """What each place sent, and how much of it came to all screens together."""
    table = Table.grid(padding=(0, 2))
    for place, (sent, _, _) in stage.sent.items():
        came = sum(told.get(place, 0) for told in stage.seen.values())
        table.add_row(place, f"↑ {sent}", f"↓ {came}")
    table.add_row("ảnh tĩnh / stills", str(stage.stills), stage.recording)
    return table


def _steps(stage: Stage) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    for step in stage.steps:
        mark, style = ("✗ ", "red") if step.refusal else ("", "")
        text = Text(mark + step.text, style=style, overflow="ellipsis", no_wrap=True)
        table.add_row(Text(f"{step.at:5.1f}", style="dim"), text)
    return table
