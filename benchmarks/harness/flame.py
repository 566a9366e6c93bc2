"""Stacks as a flame graph in SVG: a box per function, as wide as its share of the samples, on top of the one that called it."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from benchmarks.harness.phases import LINE

WIDTH, ROW_HEIGHT, HEAD_HEIGHT = 1400, 17, 30
NARROWEST = 0.6  #: pixels; narrower boxes are left out
LETTER_WIDTH = 6.6  #: of the font, on average
FONT = "font-family='monospace' font-size='11'"
OURS = re.compile(r"\(cgappliance")  #: the appliance and its plugins stand out from libraries


@dataclass(slots=True)
class Box:
    """A function as called from one place."""

    count: int = 0
    calls: dict[str, Box] = field(default_factory=dict)


def tree(stacks: Counter[tuple[str, ...]]) -> Box:
    """Return the stacks as one tree; lines of one function are one box."""
    root = Box()
    for stack, count in stacks.items():
        box = root
        box.count += count
        for frame in stack:
            box = box.calls.setdefault(LINE.sub(")", frame), Box())
            box.count += count
    return root


def depth(box: Box) -> int:
    """Return how many rows a tree needs."""
    return 1 + max((depth(call) for call in box.calls.values()), default=0)


def svg(stacks: Counter[tuple[str, ...]], title: str) -> str:
    """Return the flame graph; the root stands at the bottom."""
    root = tree(stacks)
    height = HEAD_HEIGHT + ROW_HEIGHT * depth(root)
    size = f"width='{WIDTH}' height='{height}'"
    boxes = "".join(_boxes("all", root, 0.0, height - ROW_HEIGHT, WIDTH / max(1, root.count), root.count))
    head = f"<text x='10' y='19' font-weight='bold'>{escape(title)}</text>"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} {FONT}><rect {size} fill='white'/>{head}{boxes}</svg>\n"


def _boxes(name: str, box: Box, left: float, top: float, scale: float, total: int) -> Iterator[str]:
    width = box.count * scale
    if width < NARROWEST:
        return
    text = escape(name[: int((width - 4) / LETTER_WIDTH)], quote=True) if width > 4 * LETTER_WIDTH else ""
    tip = escape(f"{name}: {100 * box.count / total:.1f} %")
    yield (
        f"<g><title>{tip}</title>"
        f"<rect x='{left:.1f}' y='{top}' width='{width:.1f}' height='{ROW_HEIGHT - 1}' fill='{_color(name)}'/>"
        f"<text x='{left + 2:.1f}' y='{top + 12}'>{text}</text></g>"
    )
    for call, below in sorted(box.calls.items(), key=lambda item: -item[1].count):
        yield from _boxes(call, below, left, top - ROW_HEIGHT, scale, total)
        left += below.count * scale


def _color(name: str) -> str:
    """Return a colour that a function always has: blue for ours, yellow to red for libraries."""
    shade = zlib.crc32(name.encode()) % 40
    return f"hsl({205 if OURS.search(name) else 20 + shade},70%,{68 + shade // 3}%)"
