# SPDX-License-Identifier: MIT
"""Where the cuts of a sweep by the clock fell: the board's run as bands, one mark a cut."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from rig.faults.outcome import Outcome
from rig.report.figure import picture
from rig.report.palette import GREY, LINE, OUTCOMES, PANEL, SOFT

GOOD = {outcome.value for outcome in Outcome if outcome.good}
SHADES = (PANEL, LINE)  # neighbouring bands
ROW_INCHES = 0.34
ABOVE_INCHES = 0.95  # names of the bands, and the axis of the panel above
NARROW = 0.075  # of the axis: a label does not fit into such a band
LEVELS = 3  # heights that labels of narrow bands take in turn
PENDING = "not cut yet"


@picture
def cuts_picture(timed: dict[str, Any]) -> Figure:
    """Draw the whole run, and below it once more from the commit on.

    A filled mark is the measured edge of the rail with its uncertainty, a hollow one the plan.
    """
    bands, cuts = timed["bands"], timed["cuts"]
    names = [name for name in OUTCOMES if any(cut["outcome"] == name for cut in cuts)]
    names += [PENDING] if any(cut["outcome"] is None for cut in cuts) else []
    names = names or [PENDING]
    end_s = bands[-1]["begin_s"] + bands[-1]["length_s"]
    begin_s = bands[0]["begin_s"]
    commit_s = next((band["begin_s"] for band in bands if band["band"] == "commit"), begin_s)
    spans = [(begin_s, end_s, "the whole run")]
    if commit_s > begin_s:
        spans.append((commit_s, end_s, "from the commit on"))
    row_inches = ROW_INCHES * len(names) + 0.15
    height = 0.3 + len(spans) * (ABOVE_INCHES + row_inches) + 0.3
    figure = Figure(figsize=(11.0, height))
    for number, span in enumerate(spans, start=1):
        bottom = height - number * (ABOVE_INCHES + row_inches)
        panel = figure.add_axes((0.12, bottom / height, 0.85, row_inches / height))
        _panel(panel, timed, names, span)
    panel.set_xlabel(
        "seconds since the board's first line, in the uncut run", loc="right", fontsize=8
    )
    return figure


def _panel(
    panel: Any,  # noqa: ANN401 # matplotlib's Axes is generic
    timed: dict[str, Any],
    names: Sequence[str],
    span: tuple[float, float, str],
) -> None:
    """Draw one stretch of time: bands, the board's lines, and a row for each outcome."""
    begin_s, end_s, title = span
    margin_s = 0.008 * (end_s - begin_s)
    panel.set_xlim(begin_s - margin_s, end_s + margin_s)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.set_yticks(range(len(names)), names, fontsize=9)
    panel.set_title(title, loc="left", fontsize=9, color=SOFT.light, pad=30)
    panel.tick_params(axis="x", labelsize=8)
    panel.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
    for stratum in timed["strata"]:
        if begin_s <= stratum["begin_s"] <= end_s:
            panel.axvline(
                stratum["begin_s"], color=GREY.light, linewidth=0.5, linestyle=":", zorder=1
            )
    _bands(panel, timed["bands"], begin_s, end_s)
    inside = [c for c in timed["cuts"] if begin_s - margin_s <= c["at_s"] <= end_s + margin_s]
    bad = [cut for cut in inside if cut["outcome"] not in {None, *GOOD}]
    for cut in inside:
        _mark(panel, cut, names.index(cut["outcome"] or PENDING))
    for number, cut in enumerate(sorted(bad, key=lambda item: float(item["at_s"]))):
        panel.annotate(
            cut["plan"].removeprefix("cut@mark:"),
            (cut["at_s"], names.index(cut["outcome"])),
            xytext=(6, (5, -11)[number % 2]),  # neighbours: one above, one below
            textcoords="offset points",
            fontsize=7,
            zorder=5,
        )


def _bands(
    panel: Any,  # noqa: ANN401 # matplotlib's Axes is generic
    bands: Sequence[dict[str, Any]],
    begin_s: float,
    end_s: float,
) -> None:
    """Shade what the board was about; names of narrow bands stand one above the other."""
    level = 0
    for number, band in enumerate(bands):
        left = max(band["begin_s"], begin_s)
        right = min(band["begin_s"] + band["length_s"], end_s)
        if right - left <= 1e-6:
            continue
        panel.axvspan(left, right, color=SHADES[number % 2].light, linewidth=0, zorder=0)
        narrow = right - left < NARROW * (end_s - begin_s)
        level = (level + 1) % LEVELS if narrow else 0
        panel.annotate(
            band["band"],
            ((left + right) / 2, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3 + 9 * level),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )


def _mark(panel: Any, cut: dict[str, Any], row: int) -> None:  # noqa: ANN401 # matplotlib
    """Draw one cut; bad ones are larger."""
    outcome = cut["outcome"]
    colour = OUTCOMES.get(outcome, GREY).light
    bad = outcome is not None and outcome not in GOOD
    panel.errorbar(
        cut["at_s"],
        row,
        xerr=cut["edge"]["uncertainty_s"] if cut["edge"] else None,
        fmt="D" if bad else "o",
        color=colour,
        markerfacecolor=colour if cut["edge"] else "none",
        markersize=8 if bad else 6,
        markeredgewidth=1.2,
        capsize=2,
        zorder=4 if bad else 3,
    )
