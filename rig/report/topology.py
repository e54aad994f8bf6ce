# SPDX-License-Identifier: MIT
"""The topology drawing of RFC 7654 section 7, from what the place file says."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from rig.report.figure import picture
from rig.report.palette import BLUE, GREY, PANEL, Colour

ROW = 1.0
BOX = 0.36  # half the height of a box


@picture
def drawing(parts: Sequence[dict[str, Any]], board: str) -> Figure:
    """Draw the rig, each piece of equipment, the board, and what joins them; SVG text."""
    figure = Figure(figsize=(10.0, 0.62 * len(parts) + 0.6))
    axes = figure.subplots()
    rows = max(len(parts), 1)
    middle = -(rows - 1) * ROW / 2
    half = rows * ROW / 2 - 0.1
    _box(axes, (0.0, middle), (1.3, half), "rig", BLUE)
    _box(axes, (8.7, middle), (1.3, half), board, BLUE)
    for row, part in enumerate(parts):
        at = -row * ROW
        text = f"{part['name']}: {part['model']}\n{part['address']}"
        _box(axes, (3.1, at), (3.6, BOX), text, GREY)
        axes.plot([1.3, 3.1], [at, at], color=GREY.light, linewidth=1.2, zorder=0)
        axes.plot([6.7, 8.7], [at, at], color=GREY.light, linewidth=1.2, zorder=0)
        axes.text(7.7, at + 0.08, part["joins"], ha="center", va="bottom", fontsize=8)
    axes.set_xlim(-0.1, 10.1)
    axes.set_ylim(-rows * ROW + 0.4, 0.6)
    axes.axis("off")
    return figure


def _box(
    axes: Any,  # noqa: ANN401 # matplotlib's Axes is generic
    place: tuple[float, float],
    size: tuple[float, float],
    text: str,
    colour: Colour,
) -> None:
    """Draw a box whose left edge's middle is `place`; `size` is its width and half its height."""
    (left, middle), (width, half) = place, size
    shape = FancyBboxPatch(
        (left, middle - half),
        width,
        2 * half,
        boxstyle="round,pad=0.02,rounding_size=0.08",
        edgecolor=colour.light,
        facecolor=PANEL.light,
        linewidth=1.4,
    )
    axes.add_patch(shape)
    axes.text(left + width / 2, middle, text, ha="center", va="center", fontsize=8)
