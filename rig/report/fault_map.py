# SPDX-License-Identifier: MIT
"""The fault map: every cut of a sweep where it fell, coloured by what became of the board."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rig.report.figure import picture, ticks
from rig.report.palette import OUTCOMES, PAPER
from rig.sweep import Labelled
from rig.sweep_records import SHORT

# Good outcomes are ticks, as close as they come; each bad one has a shape beside its colour.
SHAPES = {"mixed": "^", "silent": "v", "lost-state": "P", "bricked": "X", "bench": "o"}
ROWS = {"before": 0, "torn": 1, "unstable": 2, "after": 3}
MAX_LABELS = 12
HALF, HALF_NESTED = 0.34, 0.17  # of a row: half the height of a tick
LABEL = {"facecolor": PAPER.light, "edgecolor": "none", "alpha": 0.85, "pad": 0.6}
PANEL_POINTS, TICK_POINTS_MAX = 600.0, 4.0  # typographic: a panel's width, a tick's


@picture
def fault_map(operations: Sequence[Labelled], points: Sequence[dict[str, Any]]) -> Figure:
    """Draw one panel a phase: flash offset by operation, one mark a judged cut."""
    phases = [
        (key, list(group))
        for key, group in groupby(operations, key=lambda item: (item.phase, item.partition))
    ]
    judged = [p for p in points if p["way"] == SHORT and p["outcome"]]
    kinds = [kind for kind in ROWS if any(p["kind"] == kind for p in judged)] or ["torn"]
    figure = Figure(figsize=(11.0, 1.6 + 0.62 * len(phases)))
    ratios = [1.0] * max(len(phases), 1)
    axes = figure.subplots(max(len(phases), 1), 1, squeeze=False, height_ratios=ratios)[:, 0]
    seen: set[str] = set()
    for panel, ((phase, partition), group) in zip(axes, phases, strict=False):
        first, last = group[0].number, group[-1].number
        inside = [point for point in judged if first <= point["number"] <= last]
        _panel(panel, inside, kinds, min(TICK_POINTS_MAX, PANEL_POINTS / (last - first + 1)))
        seen |= {point["outcome"] for point in inside}
        panel.set_xlim(first - 0.6, last + 0.6)
        panel.set_ylabel(f"{phase}\n{partition}", rotation=0, ha="right", va="center", fontsize=8)
    if len(axes):
        axes[-1].set_xlabel("flash operation of the run (each panel has its own scale)")
    handles = [
        figure.axes[0].scatter([], [], color=colour.light, marker=SHAPES.get(name, "s"), label=name)
        for name, colour in OUTCOMES.items()
        if name in seen
    ]
    if handles:
        figure.legend(handles=handles, loc="upper right", ncols=len(handles))
    figure.subplots_adjust(left=0.16, right=0.98, top=0.9, bottom=0.1, hspace=0.55)
    return figure


def _panel(
    panel: Any,  # noqa: ANN401 # matplotlib's Axes is generic
    points: Sequence[dict[str, Any]],
    kinds: Sequence[str],
    width: float,
) -> None:
    """Draw one phase: a row for each kind of cut, a tick of that width for each operation."""
    panel.spines["left"].set_visible(False)
    panel.set_yticks(range(len(kinds)), kinds, fontsize=7)
    panel.set_ylim(len(kinds) - 0.4, -0.6)
    panel.tick_params(axis="x", labelsize=7)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    labels = 0
    for outcome, colour in OUTCOMES.items():
        here = [point for point in points if point["outcome"] == outcome]
        for nested in (True, False):
            places = [
                (point["number"], kinds.index(point["kind"]))
                for point in here
                if (point["depth"] > 1) is nested
            ]
            if not places:
                continue
            if outcome in SHAPES:
                panel.scatter(
                    *zip(*places, strict=True),
                    s=18 if nested else 36,
                    marker=SHAPES[outcome],
                    linewidths=0.5,
                    edgecolors=PAPER.light,
                    color=colour.light,
                    zorder=3,
                )
            else:
                half = HALF_NESTED if nested else HALF
                panel.plot(
                    *ticks(places, half), color=colour.light, linewidth=width, solid_capstyle="butt"
                )
        if outcome in SHAPES:
            for point in here[: max(0, MAX_LABELS - labels)]:
                labels += 1
                panel.annotate(
                    point["plan"].removeprefix("cut@"),
                    (point["number"], kinds.index(point["kind"])),
                    xytext=(3, -9),
                    textcoords="offset points",
                    fontsize=6,
                    zorder=4,
                    bbox=LABEL,
                )
