# SPDX-License-Identifier: MIT
"""The fault map: every cut of a sweep where it fell, coloured by what became of the board."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rig.report.plots import svg
from rig.sweep import Labelled
from rig.sweep_records import SHORT

# Okabe and Ito's colours: told apart by people who see red and green alike.
COLOURS = {
    "old": "#0072B2",
    "new": "#56B4E9",
    "recovered": "#009E73",
    "mixed": "#D55E00",
    "silent": "#CC79A7",
    "lost-state": "#E69F00",
    "bricked": "#000000",
    "bench": "#8a8a8a",
}
GOOD = ("old", "new", "recovered")
ROWS = {"before": 0, "torn": 1, "unstable": 2, "after": 3}
MAX_LABELS = 12


def fault_map(operations: Sequence[Labelled], points: Sequence[dict[str, Any]]) -> str:
    """Draw one panel a phase: flash offset by operation, one mark a judged cut; SVG text."""
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
        _panel(panel, inside, kinds, seen)
        panel.set_xlim(first - 0.6, last + 0.6)
        panel.set_ylabel(f"{phase}\n{partition}", rotation=0, ha="right", va="center", fontsize=8)
    if len(axes):
        axes[-1].set_xlabel("flash operation of the run (each panel has its own scale)")
    handles = [
        figure.axes[0].scatter([], [], color=COLOURS[name], marker="s", label=name)
        for name in COLOURS
        if name in seen
    ]
    if handles:
        figure.legend(handles=handles, loc="upper right", ncols=len(handles), frameon=False)
    figure.subplots_adjust(left=0.16, right=0.98, top=0.9, bottom=0.1, hspace=0.55)
    return svg(figure)


def _panel(
    panel: Any,  # noqa: ANN401 # matplotlib's Axes is generic
    points: Sequence[dict[str, Any]],
    kinds: Sequence[str],
    seen: set[str],
) -> None:
    """Draw one phase: a row for each kind of cut, a cell for each operation."""
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
    panel.set_yticks(range(len(kinds)), kinds, fontsize=7)
    panel.set_ylim(len(kinds) - 0.4, -0.6)
    panel.tick_params(axis="x", labelsize=7)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    labels = 0
    for outcome, colour in COLOURS.items():
        here = [point for point in points if point["outcome"] == outcome]
        if not here:
            continue
        seen.add(outcome)
        nested = [point for point in here if point["depth"] > 1]
        for group, size, marker in (
            (nested, 10, "D"),
            ([p for p in here if p not in nested], 16, "s"),
        ):
            panel.scatter(
                [point["number"] for point in group],
                [kinds.index(point["kind"]) for point in group if point["kind"] in kinds],
                s=size,
                marker=marker,
                linewidths=0,
                color=colour,
                zorder=2 if outcome in GOOD else 3,
                rasterized=outcome in GOOD,
            )
        if outcome not in GOOD:
            for point in here[: max(0, MAX_LABELS - labels)]:
                labels += 1
                panel.annotate(
                    point["plan"].removeprefix("cut@"),
                    (point["number"], kinds.index(point["kind"])),
                    xytext=(3, -9),
                    textcoords="offset points",
                    fontsize=6,
                    zorder=4,
                )
