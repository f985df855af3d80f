"""Charts as SVG drawn here: bars, lines, and the bars of a distribution; readable in grey print and by screen readers.

Rules: the same figures give the same bytes, so every place is computed in whole units from exact fractions. Series are
told apart by dashes and by the shape of their marks, never by colour alone; each picture has a title and a
description, and whatever it shows stands in a table beside it too. An axis begins at nought.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape

from infra.audit.pages.numbers import Language, number

WIDTH = 720
LABELS, VALUES = 250, 70  # left of the bars, and right of the longest one
BAR, THIN, GAP = 18, 12, 10
MOST_LINES, LINE_LENGTH = 4, 28
PLOT_HEIGHT, LEFT, BELOW, ABOVE = 200, 60, 44, 14
INK, GREY, PALE = "#1a1a1a", "#5c6b73", "#c9cfd3"
FILLS = ("#5c6b73", "#c9cfd3", "#ffffff", "#2b3338")
DASHES = ("", "7 4", "2 3", "9 3 2 3")
MOST_POINTS_NAMED = 16
IN_A_ROW = 3


@dataclass(frozen=True)
class Series:
    """The values in the order of the chart's labels; a missing one is None."""

    name: str
    values: Sequence[Fraction | None]


@dataclass(frozen=True)
class Chart:
    """What is drawn. `form` is bar, line or histogram; the last knows one series only."""

    form: str
    title: str
    description: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str = ""

    def in_letters(self, letters: Callable[[str], str]) -> Chart:
        """The same picture with its texts as these letters write them."""
        return Chart(
            self.form,
            letters(self.title),
            letters(self.description),
            [letters(label) for label in self.labels],
            [Series(letters(one.name), one.values) for one in self.series],
            self.unit,
        )


def draw(chart: Chart, language: Language, number_of_chart: int = 1) -> str:
    """The picture. `number_of_chart` keeps the names within one page apart."""
    draw_form = {"bar": _bars, "line": _lines, "histogram": _columns}[chart.form]
    height, body = draw_form(chart, language)
    name = f"chart-{number_of_chart}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" aria-labelledby="{name}-title {name}-text" font-family="Libertinus Serif, Times New Roman, serif"'
        f' font-size="13"><title id="{name}-title">{escape(chart.title)}</title>'
        f'<desc id="{name}-text">{escape(chart.description)}</desc>{"".join(body)}</svg>'
    )


def shape_of(svg: str) -> tuple[int, int]:
    """How wide and how tall a drawn picture is, in its own units."""
    found = re.search(r' width="([0-9]+)" height="([0-9]+)"', svg)
    assert found is not None
    return int(found[1]), int(found[2])


# Bars beside each other's names -----------------------------------------------------------------------------------


def _bars(chart: Chart, language: Language) -> tuple[int, Sequence[str]]:
    values = [value for series in chart.series for value in series.values if value is not None]
    longest, room, y = max(values, default=Fraction(0)) or Fraction(1), WIDTH - LABELS - VALUES, 8
    thick = BAR if len(chart.series) == 1 else THIN
    body: list[str] = []
    for at, label in enumerate(chart.labels):
        lines = wrapped(label)
        row = max(thick * len(chart.series), 15 * len(lines))
        middle = y + row // 2
        body.extend(
            _text(LABELS - 10, middle + 5 + 15 * line_at - 15 * (len(lines) - 1) // 2, line, "end")
            for line_at, line in enumerate(lines)
        )
        top = middle - thick * len(chart.series) // 2
        for number_, series in enumerate(chart.series):
            value, above = series.values[at], top + thick * number_
            wide = _whole(room * (value or 0) / longest)
            body.append(_filled(number_, LABELS, above, wide, thick - (len(chart.series) > 1)))
            told = shown(value, language, chart.unit)
            body.append(_text(LABELS + wide + 6, above + thick // 2 + 4, told, size=13 if thick == BAR else 10))
        y += row + GAP
    body.append(f'<line x1="{LABELS}" y1="2" x2="{LABELS}" y2="{y}" stroke="{INK}"/>')
    if len(chart.series) == 1:
        return y + 4, body
    for at, series in enumerate(chart.series):
        left, below = _place_in_legend(at)
        body.append(_filled(at, left, y + 8 + below, 26, THIN))
        body.append(_text(left + 34, y + 18 + below, series.name))
    return y + 12 + _height_of_legend(chart.series), body


def _place_in_legend(at: int) -> tuple[int, int]:
    return LEFT + (WIDTH - LEFT) // IN_A_ROW * (at % IN_A_ROW), 20 * (at // IN_A_ROW)


def _height_of_legend(series: Sequence[Series]) -> int:
    return 20 * -(-len(series) // IN_A_ROW)


def _filled(series: int, x: int, y: int, wide: int, tall: int) -> str:
    fill = FILLS[series % len(FILLS)]
    return f'<rect x="{x}" y="{y}" width="{wide}" height="{tall}" fill="{fill}" stroke="{INK}" stroke-width="0.6"/>'


def wrapped(label: str) -> Sequence[str]:
    """The label in lines that fit beside the bars; what is longer ends with an ellipsis, and stands in the table."""
    lines = [""]
    for word in label.split():
        for part in [word[at : at + LINE_LENGTH] for at in range(0, len(word), LINE_LENGTH)]:
            joined = f"{lines[-1]} {part}".strip()
            if len(joined) <= LINE_LENGTH:
                lines[-1] = joined
            else:
                lines.append(part)
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1][: LINE_LENGTH - 1] + "…"]


# Values over a row of labels --------------------------------------------------------------------------------------


def _columns(chart: Chart, language: Language) -> tuple[int, Sequence[str]]:
    (series,) = chart.series
    top = _top(chart.series)
    body = [*_grid(top, language, chart.unit)]
    step = Fraction(WIDTH - LEFT - 20, max(1, len(chart.labels)))
    for at, value in enumerate(series.values):
        left, tall = LEFT + _whole(step * at), _whole(PLOT_HEIGHT * (value or 0) / top)
        wide = LEFT + _whole(step * (at + 1)) - left - 2
        body.append(
            f'<rect x="{left + 1}" y="{ABOVE + PLOT_HEIGHT - tall}" width="{wide}" height="{tall}" fill="{GREY}"/>'
        )
        body.append(_text(left + wide // 2, ABOVE + PLOT_HEIGHT - tall - 4, shown(value, language), "middle"))
    body.extend(_labels(chart.labels, step))
    return ABOVE + PLOT_HEIGHT + BELOW, body


def _lines(chart: Chart, language: Language) -> tuple[int, Sequence[str]]:
    top = _top(chart.series)
    body = [*_grid(top, language, chart.unit), *_labels(chart.labels, _step(chart))]
    for at, series in enumerate(chart.series):
        places = list(_places(series, _step(chart), top))
        for run in _unbroken(places):
            path = " ".join(f"{x},{y}" for x, y in run)
            dash = f' stroke-dasharray="{DASHES[at % len(DASHES)]}"' if DASHES[at % len(DASHES)] else ""
            body.append(f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.6"{dash}/>')
        body.extend(_mark(at, *place) for place in places if place)
    if len(chart.series) == 1 and len(chart.labels) <= MOST_POINTS_NAMED:
        for value, place in zip(chart.series[0].values, _places(chart.series[0], _step(chart), top), strict=True):
            if place:
                body.append(_text(place[0], place[1] - 8, shown(value, language), "middle"))
    if len(chart.series) == 1:
        return ABOVE + PLOT_HEIGHT + BELOW, body
    body.extend(_legend(chart.series))
    return ABOVE + PLOT_HEIGHT + BELOW + _height_of_legend(chart.series), body


def _step(chart: Chart) -> Fraction:
    return Fraction(WIDTH - LEFT - 20, max(1, len(chart.labels)))


def _places(series: Series, step: Fraction, top: Fraction) -> Iterator[tuple[int, int] | None]:
    for at, value in enumerate(series.values):
        x = LEFT + _whole(step * at + step / 2)
        yield None if value is None else (x, ABOVE + PLOT_HEIGHT - _whole(PLOT_HEIGHT * value / top))


def _unbroken(places: Sequence[tuple[int, int] | None]) -> Iterator[Sequence[tuple[int, int]]]:
    run: list[tuple[int, int]] = []
    for place in [*places, None]:
        if place is not None:
            run.append(place)
        elif run:
            yield run
            run = []


def _mark(series: int, x: int, y: int) -> str:
    match series % 4:
        case 0:
            return f'<circle cx="{x}" cy="{y}" r="3.5" fill="{INK}"/>'
        case 1:
            return f'<rect x="{x - 3}" y="{y - 3}" width="7" height="7" fill="#ffffff" stroke="{INK}"/>'
        case 2:
            return f'<path d="M{x} {y - 4}L{x + 4} {y + 4}L{x - 4} {y + 4}Z" fill="{GREY}" stroke="{INK}"/>'
        case _:
            return f'<circle cx="{x}" cy="{y}" r="3.5" fill="#ffffff" stroke="{INK}"/>'


def _legend(series: Sequence[Series]) -> Iterator[str]:
    for at, one in enumerate(series):
        left, below = _place_in_legend(at)
        y = ABOVE + PLOT_HEIGHT + BELOW + below + 6
        dash = f' stroke-dasharray="{DASHES[at % len(DASHES)]}"' if DASHES[at % len(DASHES)] else ""
        yield f'<line x1="{left}" y1="{y}" x2="{left + 26}" y2="{y}" stroke="{INK}" stroke-width="1.6"{dash}/>'
        yield _mark(at, left + 13, y)
        yield _text(left + 34, y + 4, one.name)


def _grid(top: Fraction, language: Language, unit: str) -> Iterator[str]:
    for quarter in range(5):
        y = ABOVE + PLOT_HEIGHT - PLOT_HEIGHT * quarter // 4
        yield f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - 20}" y2="{y}" stroke="{PALE if quarter else INK}"/>'
        yield _text(LEFT - 8, y + 4, shown(top * quarter / 4, language, unit), "end")


def _labels(labels: Sequence[str], step: Fraction) -> Iterator[str]:
    wide = min(120, 8 * max(map(len, labels), default=0) + 10)
    every = max(1, -(-len(labels) * wide // (WIDTH - LEFT - 20)))
    room = max(6, int(step * every) // 7)
    for at in range(0, len(labels), every):
        x, lines = LEFT + _whole(step * at + step / 2), _folded(labels[at], room)
        x = min(x, WIDTH - 4 * max(map(len, lines)))
        yield from (_text(x, ABOVE + PLOT_HEIGHT + 18 + 14 * row, line, "middle") for row, line in enumerate(lines))


def _folded(label: str, room: int) -> Sequence[str]:
    if len(label) <= room:
        return [label]
    cut = label.rfind(" ", 0, room + 1)
    first, rest = (label[:cut], label[cut + 1 :]) if cut > 0 else (label[: room - 1] + "…", "")
    return [first] if not rest else [first, rest if len(rest) <= room else rest[: room - 1] + "…"]


def _top(series: Sequence[Series]) -> Fraction:
    """The end of the axis: not below the largest value, and a number whose quarters are easy to read."""
    values = [value for one in series for value in one.values if value is not None]
    largest = max(values, default=Fraction(0))
    scale = Fraction(1) if all(value.denominator == 1 for value in values) else Fraction(1, 100)
    while True:
        for factor in (4, 8, 12, 20) if scale == 1 else (4, 8, 10, 12, 20):
            if scale * factor >= largest:
                return scale * factor
        scale *= 10


def shown(value: Fraction | None, language: Language, unit: str = "") -> str:
    """The value as it is, or with two decimals where it has more."""
    if value is None:
        return "–"
    hundredths = (value * 200 + 1) // 2
    whole, part = divmod(abs(hundredths), 100)
    decimals = f".{part:02}".rstrip("0").rstrip(".")
    sign = "-" if hundredths < 0 else ""
    return f"{number(f'{sign}{whole}{decimals}', language)}{unit}"


def _whole(value: Fraction | int) -> int:
    return int((Fraction(value) * 2 + 1) // 2)


def _text(x: int, y: int, text: str, anchor: str = "start", size: int = 13) -> str:
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    how = "" if size == 13 else f' font-size="{size}"'
    return f'<text x="{x}" y="{y}"{where}{how} fill="{INK}">{escape(text)}</text>'
