"""The results as one SVG picture: a panel per kind of work, a bar per peer, a line from minimum to maximum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.harness.results import Results, Summary

PANEL_WIDTH, PANEL_GAP, PANELS_IN_A_ROW = 430, 30, 2
NAME_WIDTH, BAR_HEIGHT, TITLE_HEIGHT, FIGURE_WIDTH = 130, 18, 34, 60
FONT = "font-family='sans-serif' font-size='11'"
MINE, OTHERS, WHISKER = "#1a6fb5", "#b8bfc6", "#333333"


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of one figure."""

    title: str
    workload: str
    value: str
    digits: int
    logarithmic: bool = False  #: where peers lie orders of magnitude apart


def panels(more_idle: int) -> tuple[Panel, ...]:
    """Return what is drawn; ``more_idle``: the greater number of idle sessions."""
    return (
        Panel("IMAP logins per CPU second, 16 at a time", "imap-login-16", "logins_per_cpu_s", 0),
        Panel("IMAP logins per CPU second, one at a time", "imap-login-1", "logins_per_cpu_s", 0),
        Panel("GB downloaded per CPU second", "download-1", "gb_per_cpu_s", 2),
        Panel("GB uploaded per CPU second", "upload-1", "gb_per_cpu_s", 2),
        Panel(f"KiB per idle session, {more_idle} sessions (less is better)", f"imap-idle-{more_idle}", "pss_kib_per_session", 0),
        Panel("CPU of a command, us (less is better)", "imap-noop-1", "cpu_us_per_command", 0),
        Panel("round trip of a command, p50 us (less is better)", "imap-noop-1", "p50_us", 0),
        Panel(
            "the same beside four downloads (less is better; logarithmic)",
            "imap-noop-beside-downloads",
            "p50_us",
            0,
            logarithmic=True,
        ),
    )


def svg(results: Results) -> str:
    """Return the picture."""
    drawn, left, top, row_height = [], 0, 0, 0
    for panel in panels(results.about["idle_sessions"][1]):
        bars = [(peer, found) for peer in results.peers() if (found := results.summary(peer, panel.workload, panel.value))]
        if not bars:
            continue
        drawn.append(f"<g transform='translate({left},{top})'>{_panel(panel, bars)}</g>")
        row_height = max(row_height, TITLE_HEIGHT + BAR_HEIGHT * len(bars) + PANEL_GAP)
        left += PANEL_WIDTH + PANEL_GAP
        if left >= PANELS_IN_A_ROW * (PANEL_WIDTH + PANEL_GAP):
            left, top, row_height = 0, top + row_height, 0
    width, height = PANELS_IN_A_ROW * (PANEL_WIDTH + PANEL_GAP), top + row_height
    title = f"<title>Benchmark of {escape(str(results.about['date']))}</title>"
    size = f"width='{width}' height='{height}'"
    paper = f"<rect {size} fill='white'/>"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} {FONT}>{title}{paper}{''.join(drawn)}</svg>\n"


def _panel(panel: Panel, bars: Sequence[tuple[str, Summary]]) -> str:
    place = _scale(panel, [summary for _, summary in bars])
    rows = [_bar(peer, summary, panel.digits, place, TITLE_HEIGHT + row * BAR_HEIGHT) for row, (peer, summary) in enumerate(bars)]
    return f"<text x='0' y='18' font-weight='bold'>{escape(panel.title)}</text>{''.join(rows)}"


def _scale(panel: Panel, summaries: Sequence[Summary]) -> Callable[[float], float]:
    """Return what turns a figure into a place from the left."""
    width, most = PANEL_WIDTH - NAME_WIDTH - FIGURE_WIDTH, max(summary.maximum for summary in summaries) or 1.0
    least = min(summary.minimum for summary in summaries) / 2  # the shortest bar must be seen too
    if panel.logarithmic and least > 0:
        return lambda value: NAME_WIDTH + width * math.log(value / least) / math.log(most / least)
    return lambda value: NAME_WIDTH + width * value / most


def _bar(peer: str, summary: Summary, digits: int, place: Callable[[float], float], top: float) -> str:
    middle, color = top + BAR_HEIGHT / 2, MINE if peer.startswith("appliance") else OTHERS
    low, high, end = place(summary.minimum), place(summary.maximum), place(summary.median)
    return (
        f"<text x='{NAME_WIDTH - 6}' y='{middle + 4:.1f}' text-anchor='end'>{escape(peer)}</text>"
        f"<rect x='{NAME_WIDTH}' y='{top + 2:.1f}' width='{end - NAME_WIDTH:.1f}' height='{BAR_HEIGHT - 4}' fill='{color}'/>"
        f"<line x1='{low:.1f}' x2='{high:.1f}' y1='{middle:.1f}' y2='{middle:.1f}' stroke='{WHISKER}'/>"
        f"<text x='{max(high, end) + 5:.1f}' y='{middle + 4:.1f}'>{summary.median:.{digits}f}</text>"
    )
