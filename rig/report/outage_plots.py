# SPDX-License-Identifier: MIT
"""The report's figures, as SVG text that goes into the page."""

from typing import Any

from matplotlib.figure import Figure

from rig.report.figure import picture
from rig.report.palette import BLUE, GREEN, GREY, INK, ORANGE

PHASES = (
    ("download", ("download", "start"), ("download", "done"), GREY),
    ("T1 staging", ("staging", "start"), ("staging", "done"), BLUE),
    ("T2 run", ("run", "start"), ("boot", "up"), ORANGE),
    ("T3 acceptance", ("boot", "up"), ("acceptance", "done"), GREEN),
)
ROW_INCHES = 0.42
LEGEND_INCHES = 0.5  # below the axis, for its own name
MAX_ROWS = 30


@picture
def outages(steps: list[dict[str, Any]]) -> Figure:
    """Draw each step's outage as both instruments saw it, with its uncertainty."""
    shown = [step for step in steps if step["outage"]["traffic"]][-MAX_ROWS:]
    figure, axes = _figure(len(shown))
    for row, step in enumerate(shown):
        for view, colour, marker, shift in (
            ("traffic", BLUE, "o", -0.14),
            ("counter", ORANGE, "s", 0.14),
        ):
            measured = step["outage"][view]
            if not measured:
                continue
            label = view if row == 0 else None
            axes.errorbar(
                measured["value_s"],
                row + shift,
                xerr=measured["uncertainty_s"],
                fmt=marker,
                color=colour.light,
                markersize=6,
                capsize=3,
                label=label,
            )
    _rows(axes, [step["name"] for step in shown])
    longest_s = axes.get_xlim()[1]
    axes.set_xlim(-0.02 * longest_s, 1.02 * longest_s)
    axes.set_xlabel("service gone, seconds (bars: uncertainty at 95 %)")
    if shown:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return figure


@picture
def timeline(steps: list[dict[str, Any]]) -> Figure:
    """Draw what each step spent its time on, and where the power was cut."""
    shown = [step for step in steps if step["events"]][-MAX_ROWS:]
    figure, axes = _figure(len(shown))
    labelled: set[str] = set()
    for row, step in enumerate(shown):
        times = {(event["phase"], event["event"]): event["at_s"] for event in step["events"]}
        zero = step["events"][0]["at_s"]
        for name, start, end, colour in PHASES:
            if start not in times:
                continue
            until = times.get(end, step["events"][-1]["at_s"])
            label = None if name in labelled else name
            labelled.add(name)
            axes.barh(
                row, until - times[start], left=times[start] - zero, color=colour.light, label=label
            )
        if step["cut"]:
            at = step["events"][-1]["at_s"] - zero
            axes.plot(at, row, marker="X", color=INK.light, markersize=9, linestyle="none")
            axes.annotate(
                "power cut",
                (at, row),
                xytext=(9, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
    _rows(axes, [step["name"] for step in shown])
    axes.set_xlabel("seconds since the updater started")
    if shown:
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -LEGEND_INCHES / axes.get_window_extent().height * figure.dpi),
            ncols=4,
        )
    return figure


def _figure(rows: int) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9.0, 1.3 + ROW_INCHES * max(rows, 1)))
    axes = figure.add_subplot()
    axes.grid(axis="x")
    return figure, axes


def _rows(axes: Any, names: list[str]) -> None:  # noqa: ANN401 # matplotlib's Axes is generic
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
