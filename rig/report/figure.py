# SPDX-License-Identifier: MIT
"""How a figure becomes SVG text: in the house's style, in the page's colours, the same bytes."""

import functools
import io
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure

from rig.report.palette import DRAWN, INK, LINE, SOFT

P = ParamSpec("P")
STYLE: Any = {  # its type in matplotlib names every key there is
    "svg.fonttype": "none",  # text stays text: it is searched, copied and read aloud
    "svg.hashsalt": "walnut",
    "font.size": 10,
    "text.color": INK.light,
    "axes.labelcolor": INK.light,
    "axes.edgecolor": SOFT.light,
    "xtick.color": SOFT.light,
    "ytick.color": SOFT.light,
    "xtick.labelcolor": INK.light,
    "ytick.labelcolor": INK.light,
    "grid.color": LINE.light,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "path.simplify": False,  # a broken line keeps every piece
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    # The page is the ground.
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
TAG = re.compile(r"<[^>]+>")  # a label may hold what looks like a colour
COLOUR = re.compile(r"(?<=: )#[0-9a-f]{6}\b")
PROPERTY = re.compile(r"var\(--[a-z-]+, (#[0-9a-f]{6})\)")


def picture(draw: Callable[P, Figure]) -> Callable[P, str]:
    """Make a function that draws a figure one that returns it as SVG text for a page.

    It draws in the house's style and with the colours of rig.report.palette alone; the same
    records make the same bytes.

    Raises:
        ValueError: the figure has another colour, or pixels: neither can follow the page.
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        with mpl.rc_context(STYLE):
            stream = io.StringIO()
            figure = draw(*args, **kwargs)
            figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
        text = stream.getvalue()
        return _themed(text[text.index("<svg") :])

    return drawn


def _themed(svg: str) -> str:
    if "<image" in svg:
        raise ValueError("a figure with pixels in it cannot be light and dark")
    names = {colour.light: colour.name for colour in DRAWN}

    def name(found: re.Match[str]) -> str:
        colour = found[0]
        if colour not in names:
            raise ValueError(f"a figure is drawn in {colour}, which is not in rig.report.palette")
        return f"var(--{names[colour]}, {colour})"

    return TAG.sub(lambda tag: COLOUR.sub(name, tag[0]), svg)


def ticks(points: Sequence[tuple[float, float]], half: float) -> tuple[list[float], list[float]]:
    """Return x and y of one broken line with a tick at each point; `half` is half its height.

    Thousands of ticks are one path: as marks of their own they would make a page of megabytes.
    """
    x = [value for at, _ in points for value in (at, at, math.nan)]
    y = [value for _, row in points for value in (row - half, row + half, math.nan)]
    return x, y


def alone(svg: str) -> str:
    """Return a page's figure for a file of its own: on white, for programs that know no CSS."""
    return PROPERTY.sub(r"\1", svg)
