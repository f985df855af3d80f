"""The last page: the figures of the day, what is wrong if anything is, and what to try next."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.demo.hospitals import named
from infra.demo.summary import Summary

WIDEST = 240


def show(console: Console, summary: Summary, url: str) -> None:
    table = Table.grid(padding=(0, 2))
    for title, text in [*_lines(summary), ("Vẫn chạy / still running", f"{url}, end it with: make down")]:
        table.add_row(Text(title, no_wrap=True), Text(text, overflow="fold"))
    # A file takes lines of any length; a terminal breaks them, and the second line begins under the first.
    console.print(table, width=None if console.is_terminal else WIDEST)
    console.print("\nThử tiếp / try next, as docs/front-end.md goes on:", markup=False, highlight=False)
    for command in _commands():
        console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
    for complaint in summary.wrong:
        console.print(f"✗ {complaint}", style="red", markup=False, highlight=False, soft_wrap=True)


def _commands() -> tuple[str, ...]:
    return (
        'export PATH="$PWD/.venv/bin:$PATH"',
        "telehealth status",
        f"telehealth token --as doctor --facility {named()[0].id}",
        "telehealth rebuild consultation_board",
    )


def _lines(summary: Summary) -> list[tuple[str, str]]:
    events = ", ".join(f"{name} {number}" for name, number in summary.events.items())
    refused = ", ".join(f"{code} {number}" for code, number in summary.refused.items())
    targets = ", ".join(f"{one['percent']:g} % of {one['points']:,}" for one in summary.targets)
    points = ", ".join(f"{number} {name.lower()}" for name, number in summary.points.items())
    density = "không hở / no hole" if summary.dense else "CÓ HỞ / WITH HOLES"
    return [
        ("", ""),
        *_proof_lines(summary),
        *_live_lines(summary),
        ("Sự kiện / events", f"{sum(summary.events.values())}: {events}"),
        ("Vị trí / positions", f"{summary.first_position}..{summary.last_position}, {density}"),
        ("Lệnh / commands", f"{summary.accepted} accepted; {sum(summary.refused.values())} refused: {refused}"),
        ("Thuê bao / subscribers", f"{summary.subscribers}, {summary.resumed} came back after a lost line"),
        ("Đã chuyển / delivered", f"{summary.deliveries} events in {summary.frames} frames"),
        ("Thiếu, trùng / gaps, doubles", f"{summary.gaps}, {summary.doubles}"),
        ("Lệnh → người xem / latency", f"p50 {summary.p50_ms:g} ms, p99 {summary.p99_ms:g} ms"),
        ("Hội chẩn / consultation", f"{summary.consultation.lower()}, {summary.signatures} signatures; {points}"),
        (
            "Ca bệnh / cases",
            f"{summary.referrals_closed} referrals closed, {summary.images} images, "
            f"{summary.images_for_diagnosis} of diagnostic quality",
        ),
        (
            "Triển khai / deployment",
            f"{summary.connected_on_the_day} points of {summary.provinces} provinces on 27/8/2020, "
            f"{summary.connected} today: {targets}",
        ),
    ]


def _proof_lines(summary: Summary) -> list[tuple[str, str]]:
    proof = summary.proof
    if proof is None:
        return []
    sealed = [
        (f"Niêm phong / sealed {one.definition}", f"{one.digest}, up to position {one.position}; {one.page}")
        for one in proof.sealed
    ]
    if proof.why_not:
        return [*sealed, ("Chứng minh / proof", f"not shown: {proof.why_not}")]
    return [
        *sealed,
        ("Tính lại / computed again", proof.told),
        ("Sửa bản sao / falsified copies", "by a superuser, each with the verifier's answer:"),
        *((f"  {one.what}", one.verdict) for one in proof.tampered),
    ]


def _live_lines(summary: Summary) -> list[tuple[str, str]]:
    """Each camera, the ultrasound, and what was kept of them."""
    if summary.live is None:
        return []
    recording = summary.live["recording"]
    return [
        *((f"Hình / {_what(one)}", _source_line(one)) for one in summary.live["sources"]),
        (
            "Ảnh tĩnh / stills",
            f"{summary.live['stills']} in the examination, {summary.live['stills_lossless']} of them without loss",
        ),
        (
            "Bản ghi / recording",
            f"{recording['ms'] / 1000:.1f} s, {recording['gaps']} gaps, {recording['pictures']} pictures played back, "
            f"{recording['dicom_pictures']} as DICOM; sha256 {recording['sha256']}",
        ),
    ]


def _what(source: dict[str, Any]) -> str:
    return str(source["place"]).partition(" ")[2]


def _source_line(one: dict[str, Any]) -> str:
    cut = ", mất điện 1 lần / power failed once" if one["cuts"] else ""
    return (
        f"{one['name']}: {one['sent']} sent, {one['received']} seen on {one['viewers']} screens, "
        f"{one['missing']} missing; stood still {one['standstills']} times, {one['longest_ms']} ms at most; "
        f"{one['returns']} came back{cut}"
    )
