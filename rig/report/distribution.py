# SPDX-License-Identifier: MIT
"""The distribution of one kind of outage over its trials, with its confidence band and limits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rig.measure.statistics import Band, ecdf_band
from rig.report.figure import picture
from rig.report.palette import BLUE, INK, ORANGE, Colour

CONFIDENCE = 0.95
TRIALS_MIN = 2
LINES = {"traffic": BLUE, "counter": ORANGE}
MARGIN = 0.15  # of the sample's width, to either side
FAR = 3.0  # a limit that would make the axis so many times as wide is named, not drawn


def distributions(report: Mapping[str, Any]) -> list[str]:
    """Return a figure for each direction, or kind of reset, of an RFC report; empty: no sample."""
    groups = report.get("directions") or report.get("resets") or []
    return [_of_group(group, report["limits"]) for group in groups]


def _of_group(group: Mapping[str, Any], limits: Sequence[Mapping[str, Any]]) -> str:
    key = "reset_time" if "reset_time" in group else "tpl_time"
    samples = {
        view: [
            trial[key][f"timestamp, {view}"]["value_s"]
            for trial in group["trials"]
            if trial[key][f"timestamp, {view}"]
        ]
        for view in LINES
    }
    if len(samples["traffic"]) < TRIALS_MIN:
        return ""
    names = {trial["name"] for trial in group["trials"]}
    mine = [
        limit
        for limit in limits
        if limit["figure"].removeprefix("outage.") in LINES
        and names & {trial["name"] for trial in limit["trials"]}
    ]
    return distribution(samples, mine)


@picture
def distribution(
    samples: Mapping[str, Sequence[float]], limits: Sequence[Mapping[str, Any]]
) -> Figure:
    """Draw which share of the outages was how long or shorter, in seconds, by each view.

    `samples` has outages by the names of `LINES`, `limits` are those of the report on them.
    """
    known = {view: sample for view, sample in samples.items() if sample}
    every = [value for sample in known.values() for value in sample]
    margin_s = MARGIN * max(max(every) - min(every), 0.01 * max(every), 1e-3)
    left, right = min(every) - margin_s, max(every) + margin_s
    reach_s = left + FAR * (right - left)
    bounds = {view: _bounds(limits, view) for view in known}
    near = [bound for found in bounds.values() for bound in found if left < bound < reach_s]
    right = max([right, *(bound + margin_s for bound in near)])
    figure = Figure(figsize=(9.0, 3.2))
    panels = figure.subplots(1, len(known), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (view, sample) in zip(panels, known.items(), strict=True):
        axes.grid()
        axes.set_title(f"{view}, {len(sample)} trials", loc="left", fontsize=10)
        axes.set_xlabel("service gone, seconds")
        axes.set_xlim(left, right)
        axes.set_ylim(0.0, 1.02)
        _curve(axes, LINES[view], ecdf_band(sample, CONFIDENCE), (left, right))
        for bound in bounds[view]:
            _limit(axes, bound, (left, right))
    panels[0].set_ylabel(f"share of trials, {CONFIDENCE:.0%} band")
    return figure


def _bounds(limits: Sequence[Mapping[str, Any]], view: str) -> list[float]:
    return [float(limit["max_s"]) for limit in limits if limit["figure"] == f"outage.{view}"]


def _limit(axes: Any, bound: float, ends: tuple[float, float]) -> None:  # noqa: ANN401
    """Draw a limit; one that is far outside is named at the axis' end."""
    inside = ends[0] < bound < ends[1]
    if inside:
        axes.axvline(bound, color=INK.light, linestyle="dotted", linewidth=1.6)
    at, side = (bound, "right") if inside or bound > ends[0] else (ends[0], "left")
    text = f"limit {bound:g} s" + ("" if inside else " →" if bound > ends[0] else " ←")
    axes.annotate(
        text,
        (min(at, ends[1]), 0.03),
        xytext=(-4 if side == "right" else 4, 0),
        textcoords="offset points",
        ha=side,
        va="bottom",
        fontsize=9,
    )


def _curve(
    axes: Any,  # noqa: ANN401
    colour: Colour,
    band: Band,
    ends: tuple[float, float],
) -> None:
    """Draw a sample's steps and its band, from end to end of the axis."""
    at = np.concatenate(([ends[0]], band.values, [ends[1]]))
    share = np.concatenate(([0.0], band.share, [1.0]))
    low = np.maximum(share - band.half, 0.0)
    high = np.minimum(share + band.half, 1.0)
    axes.fill_between(at, low, high, step="post", color=colour.light, alpha=0.2, linewidth=0)
    axes.step(at, share, where="post", color=colour.light)
