# SPDX-License-Identifier: MIT
"""The fault map: every cut of a sweep where it fell, coloured by what became of the board."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rig.board.flash_map import FlashMap
from rig.report.figure import picture
from rig.report.outcomes import BENCH, GOOD
from rig.report.palette import OUTCOMES, PAPER, SOFT, Colour
from rig.sweep.operations import Labelled
from rig.sweep.point import SHORT

# Each kind of cut has a mark.  Of good outcomes it is a stroke, thousands of them in one path; of
# bad ones a filled shape.  Strokes are in typographic points around the cut's place.
STROKES = {
    "before": ((1.2, 2.4), (-1.2, 0.0), (1.2, -2.4)),
    "torn": ((0.0, 2.4), (0.0, -2.4)),
    "unstable": ((-1.4, 2.4), (1.4, -2.4)),
    "after": ((-1.2, 2.4), (1.2, 0.0), (-1.2, -2.4)),
}
SHAPES = {"before": "<", "torn": "d", "unstable": "X", "after": ">"}
ASIDE = {"before": -1.0, "torn": 0.0, "unstable": 0.4, "after": 1.0}
ASIDE_POINTS, ASIDE_OPERATIONS = 5.0, 0.3  # at most: how far before and after stand from torn
SMALLER = 0.5  # a cut in the recovery from another
FEW_SECTORS = 4  # in a panel: each is labelled, in its middle
LABELS_MAX = 4  # bad outcomes of a panel by name; the table has all
LABEL = {"facecolor": PAPER.light, "edgecolor": "none", "alpha": 0.85, "pad": 0.6}
# Inches
WIDTH, LEFT, RIGHT = 11.0, 1.0, 0.15
HEAD, TITLE, BETWEEN, AXIS, FOOT = 0.4, 0.28, 0.1, 0.3, 0.25
PANEL, PANEL_MAX, PER_SECTOR, MARGIN = 0.5, 1.8, 0.035, 0.06


@dataclass(frozen=True, slots=True)
class Panel:
    """One partition in one phase: sectors `low` to `high`, the latter not included."""

    partition: str
    low: int
    high: int

    @property
    def height(self) -> float:
        return min(PANEL_MAX, PANEL + PER_SECTOR * (self.high - self.low - 1))


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase; its operations are numbered anew, from 1."""

    name: str
    operations: Sequence[Labelled]
    panels: Sequence[Panel]

    @property
    def height(self) -> float:
        panels = sum(panel.height for panel in self.panels)
        return TITLE + panels + BETWEEN * (len(self.panels) - 1) + AXIS


@picture
def fault_map(operations: Sequence[Labelled], points: Sequence[dict[str, Any]]) -> Figure:
    """Draw a panel for each phase: sector of the flash by operation, one mark a judged cut."""
    flash_map = FlashMap.load()
    phases = _phases(operations, flash_map)
    judged = [point for point in points if point["way"] == SHORT and point["outcome"]]
    height = HEAD + sum(phase.height for phase in phases) + FOOT
    figure = Figure(figsize=(WIDTH, height))
    top = height - HEAD
    axes = None
    for phase in phases:
        top -= TITLE
        unnamed = 0
        for number, panel in enumerate(phase.panels):
            top -= panel.height + (BETWEEN if number else 0.0)
            box = (LEFT, top, WIDTH - LEFT - RIGHT, panel.height)
            axes = figure.add_axes(
                (box[0] / WIDTH, box[1] / height, box[2] / WIDTH, box[3] / height)
            )
            _axes(axes, phase, panel, last=number == len(phase.panels) - 1)
            unnamed += _Marks(axes, phase, panel, flash_map, box).draw(judged)
        top -= AXIS
        _title(figure.axes[-len(phase.panels)], phase, unnamed)
    if axes is not None:
        axes.set_xlabel("flash operation of the phase", loc="right", fontsize=8)
    _legends(figure, judged, height)
    return figure


def _phases(operations: Sequence[Labelled], flash_map: FlashMap) -> list[Phase]:
    """Return the phases in the order of the run, each with the partitions that it writes."""
    named: dict[str, list[Labelled]] = {}
    for item in operations:
        named.setdefault(item.phase, []).append(item)
    phases = []
    for name, group in named.items():
        panels = []
        for part in flash_map.partitions:
            inside = [item for item in group if item.partition == part.name]
            if inside:
                low = min(item.offset for item in inside) - part.offset
                high = max(item.offset + item.length for item in inside) - part.offset
                sectors = (low // flash_map.sector, math.ceil(high / flash_map.sector))
                panels.append(Panel(part.name, *sectors))
        phases.append(Phase(name, group, panels))
    return phases


def _title(axes: Any, phase: Phase, unnamed: int) -> None:  # noqa: ANN401 # matplotlib
    """Name the phase above its first panel, and say how many bad outcomes only the list names."""
    numbers = [item.number for item in phase.operations]
    span = f"operations {numbers[0]} to {numbers[-1]}"
    span = span if len(numbers) > 1 else f"operation {numbers[0]}"
    axes.set_title(f"{phase.name}: {span}", loc="left", fontsize=9, pad=4)
    if unnamed:
        text = f"{unnamed} more bad outcomes: listed below"
        axes.set_title(text, loc="right", fontsize=7, color=SOFT.light, pad=4)


def _axes(axes: Any, phase: Phase, panel: Panel, *, last: bool) -> None:  # noqa: ANN401 # matplotlib
    """Label one panel: sectors of the partition upwards, operations of the phase to the right."""
    axes.set_xlim(0.4, len(phase.operations) + 0.6)
    margin = MARGIN * (panel.high - panel.low) / (panel.height - 2 * MARGIN)
    axes.set_ylim(panel.low - margin, panel.high + margin)
    axes.set_ylabel(f"{panel.partition}\nsector", rotation=0, ha="right", va="center", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.tick_params(labelsize=7, labelbottom=last)
    sectors = range(panel.low, panel.high)
    if len(sectors) > FEW_SECTORS:  # a label stands where its sector begins
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
        axes.grid(visible=True, axis="y")
    else:
        axes.set_yticks([sector + 0.5 for sector in sectors], [str(sector) for sector in sectors])
        axes.tick_params(axis="y", length=0)


class _Marks:
    """The cuts of one panel; its box is left, bottom, width and height in inches."""

    def __init__(
        self,
        axes: Any,  # noqa: ANN401 # matplotlib's Axes is generic
        phase: Phase,
        panel: Panel,
        flash_map: FlashMap,
        box: tuple[float, float, float, float],
    ) -> None:
        base = flash_map.partition(panel.partition).offset
        self._axes = axes
        self._spots = {
            item.number: (float(x), (item.offset - base + item.length / 2) / flash_map.sector)
            for x, item in enumerate(phase.operations, start=1)
            if item.partition == panel.partition
        }
        # What one typographic point is of the panel's scales
        self._x = (len(phase.operations) + 0.2) / (72 * box[2])
        self._y = (panel.high - panel.low) / (72 * (box[3] - 2 * MARGIN))
        self._middle = len(phase.operations) / 2

    def draw(self, judged: Sequence[dict[str, Any]]) -> int:
        """Draw good outcomes, and over them the others; return how many bad ones have no label."""
        inside = [point for point in judged if point["number"] in self._spots]
        for outcome, colour in OUTCOMES.items():
            for kind in STROKES:
                here = [p for p in inside if (p["outcome"], p["kind"]) == (outcome, kind)]
                if here:
                    draw = self._strokes if outcome in GOOD else self._shapes
                    draw(here, kind, colour.light)
        bad = [point for point in inside if point["outcome"] not in {*GOOD, BENCH}]
        for number, point in enumerate(bad[:LABELS_MAX]):
            self._label(point, number)
        return len(bad[LABELS_MAX:])

    def _at(self, point: dict[str, Any]) -> tuple[float, float]:
        x, y = self._spots[point["number"]]
        aside = min(ASIDE_OPERATIONS, ASIDE_POINTS * self._x)
        return x + ASIDE[point["kind"]] * aside, y

    def _strokes(self, points: Sequence[dict[str, Any]], kind: str, colour: str) -> None:
        xs: list[float] = []
        ys: list[float] = []
        for point in points:
            x, y = self._at(point)
            size = SMALLER if point["depth"] > 1 else 1.0
            xs += [*(x + size * right * self._x for right, _ in STROKES[kind]), math.nan]
            ys += [*(y + size * up * self._y for _, up in STROKES[kind]), math.nan]
        self._axes.plot(xs, ys, color=colour, linewidth=0.9, solid_capstyle="butt", clip_on=False)

    def _shapes(self, points: Sequence[dict[str, Any]], kind: str, colour: str) -> None:
        self._axes.scatter(
            *zip(*map(self._at, points), strict=True),
            s=[36 * (SMALLER if point["depth"] > 1 else 1.0) for point in points],
            marker=SHAPES[kind],
            linewidths=0.5,
            edgecolors=PAPER.light,
            color=colour,
            zorder=3,
            clip_on=False,
        )

    def _label(self, point: dict[str, Any], number: int) -> None:
        """Name a bad outcome by the last part of its key, towards the middle of the panel."""
        x, y = self._at(point)
        left = x > self._middle
        self._axes.annotate(
            point["plan"].removeprefix("cut@"),
            (x, y),
            xytext=(-6 if left else 6, (5, -9, 14, -18)[number]),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=6,
            zorder=4,
            bbox=LABEL,
        )


def _legends(figure: Figure, judged: Sequence[dict[str, Any]], height: float) -> None:
    """Say what colours and marks mean, of those that are there."""
    outcomes = {point["outcome"] for point in judged}
    kinds = {point["kind"] for point in judged}
    colours = [_handle(name, "s", colour) for name, colour in OUTCOMES.items() if name in outcomes]
    shapes = [_handle(kind, shape, SOFT) for kind, shape in SHAPES.items() if kind in kinds]
    top = 1 - 0.02 / height
    sides: tuple[tuple[list[Line2D], Literal["upper left", "upper right"], float], ...] = (
        (colours, "upper left", LEFT),
        (shapes, "upper right", WIDTH - RIGHT),
    )
    for handles, side, x in sides:
        if handles:
            figure.legend(
                handles=handles,
                loc=side,
                bbox_to_anchor=(x / WIDTH, top),
                ncols=len(handles),
                borderaxespad=0.0,
                handletextpad=0.2,
                columnspacing=1.2,
                fontsize=9,
            )


def _handle(label: str, marker: str, colour: Colour) -> Line2D:
    return Line2D([], [], linestyle="none", marker=marker, color=colour.light, label=label)
