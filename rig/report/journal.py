# SPDX-License-Identifier: MIT
"""The journal as a timeline: what the board did to which part of its flash, and when."""

from collections.abc import Sequence
from itertools import groupby

from matplotlib.figure import Figure

from rig.report.figure import picture, ticks
from rig.report.palette import BLUE, GREY, ORANGE
from rig.sweep.operations import Labelled

WORKS = (("PROGRAM", BLUE, 0.22), ("ERASE", ORANGE, 0.4))  # half the height of a tick
LANE_INCHES = 0.45
NEAR_SHARE = 0.02  # of the axis: marks so near to each other share one label


@picture
def journal_timeline(
    operations: Sequence[Labelled],
    times_s: Sequence[float],
    heard: Sequence[tuple[int, str]],
) -> Figure:
    """Draw one lane a partition, one tick an operation, and the board's own words above.

    `times_s` has when each operation was done, in seconds since the run began; `heard` are
    (operations until then, event) as the console told them.
    """
    partitions = list(dict.fromkeys(item.partition for item in operations))
    lanes = {name: row for row, name in enumerate(partitions)}
    figure = Figure(figsize=(11.0, 2.0 + LANE_INCHES * len(lanes)))
    axes = figure.subplots()
    for what, colour, half in WORKS:
        chosen = [
            (at_s, lanes[item.partition])
            for item, at_s in zip(operations, times_s, strict=True)
            if item.what == what
        ]
        if chosen:
            axes.plot(
                *ticks(chosen, half),
                color=colour.light,
                linewidth=0.8,
                label=f"{what.lower()}, {len(chosen)}",
            )
    end_s = max(times_s, default=0.0) or 1.0
    for at_s, text in _marks(times_s, heard, NEAR_SHARE * end_s):
        axes.axvline(at_s, color=GREY.light, linewidth=0.7, linestyle=":", zorder=0)
        axes.annotate(
            text,
            (at_s, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(1, 3),
            textcoords="offset points",
            rotation=35,
            fontsize=7,
        )
    axes.set_yticks(range(len(lanes)), partitions)
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.set_xlim(-0.01 * end_s, 1.03 * end_s)
    axes.set_xlabel("seconds since the run began (the interposer's clock)", loc="right")
    if operations:
        figure.legend(loc="lower left", bbox_to_anchor=(0.1, 0.0), ncols=2)
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.1, right=0.95, top=1 - 1.1 / height, bottom=0.6 / height)
    return figure


def _marks(
    times_s: Sequence[float], heard: Sequence[tuple[int, str]], near_s: float
) -> list[tuple[float, str]]:
    """Return when which events were heard; those nearly at one time share a line."""
    told = [
        (times_s[count - 1] if 0 < count <= len(times_s) else 0.0, event)
        for count, event in heard
        if not event.endswith(".progress")
    ]
    marks: list[tuple[float, list[str]]] = []
    for at_s, group in groupby(told, key=lambda item: item[0]):
        events = [event for _, event in group]
        if marks and at_s - marks[-1][0] < near_s:
            marks[-1][1].extend(events)
        else:
            marks.append((at_s, events))
    return [
        (at_s, " · ".join(events) if len(events) < 3 else f"{events[0]} … {events[-1]}")
        for at_s, events in marks
    ]
