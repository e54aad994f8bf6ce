# SPDX-License-Identifier: MIT
"""history.html: run charts over nights, and what the gate says of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from rig.nights.night import FigureKey, Night
from rig.nights.regression import Judgement
from rig.report.figure import picture
from rig.report.palette import BLUE, INK, ORANGE, SOFT, WARN
from rig.report.templates import environment

PANEL_INCHES = 1.55
LABELS_MAX = 12
UNKNOWN = "which run is the newest is not known, so none is called good"
POINTS_MAX = 4000  # dots in one chart


def write_history(
    path: Path, nights: Sequence[Night], undated: Sequence[Night], judgement: Judgement | None
) -> None:
    """Render the page; `judgement` is None where there are too few nights for one."""
    steps = sorted({key.step for night in nights for key in night.samples})
    charts = [(step, chart(step, nights, judgement)) for step in steps]
    page = environment().get_template("history.html.j2")
    html = page.render(nights=nights, undated=undated, judgement=judgement, charts=charts)
    path.write_text(html, encoding="utf-8")


def tell(nights: Sequence[Night], undated: Sequence[Night], judgement: Judgement | None) -> None:
    """Print what the page says first."""
    last = nights[-1]
    print(f"{last.place}: {len(nights)} runs, {nights[0].label} … {last.label} UTC")  # noqa: T201
    for night in undated:
        said = f"not judged: run {night.run[:12]} of {night.place}, dated {night.label} UTC:"
        print(f"{said} {night.doubt}; a clock was wrong")  # noqa: T201
    if judgement is None:
        print("too few runs for a judgement")  # noqa: T201
        return
    for finding in judgement.findings:
        print(finding)  # noqa: T201
    for lapse in judgement.lapses:
        print(lapse)  # noqa: T201
    if last.left_out:
        print(f"{last.left_out} trials of the last run ended badly: they have no time")  # noqa: T201
    if judgement.verdict == "good":
        print(f"nothing got worse ({judgement.compared} comparisons)")  # noqa: T201
    elif undated:
        print(  # noqa: T201
            f"{UNKNOWN}: `--without {undated[-1].run[:12]}` leaves such a run out, its folder moved"
            " away does so for good"
        )
    elif not (judgement.findings or judgement.lapses):
        print("nothing to compare: see the last run's own report")  # noqa: T201


@picture
def chart(step: str, nights: Sequence[Night], judgement: Judgement | None) -> Figure:
    """Draw each figure of a type of step over the nights: trials, median, worst, changes."""
    keys = sorted({key for night in nights for key in night.samples if key.step == step})
    figure = Figure(figsize=(9.0, 0.7 + PANEL_INCHES * len(keys)))
    panels = figure.subplots(len(keys), 1, sharex=True, squeeze=False)[:, 0]
    for axes, key in zip(panels, keys, strict=True):
        _panel(axes, key, nights, judgement, POINTS_MAX // len(keys))
    figure.align_ylabels()
    every = max(1, -(-len(nights) // LABELS_MAX))
    shown = range(0, len(nights), every)
    panels[-1].set_xticks(list(shown), [nights[at].label[5:].replace(" ", "\n") for at in shown])
    panels[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4)
    return figure


def _panel(
    axes: Any,  # noqa: ANN401 # matplotlib's Axes is generic
    key: FigureKey,
    nights: Sequence[Night],
    judgement: Judgement | None,
    most: int,
) -> None:
    having = [
        (at, night.samples[key].values) for at, night in enumerate(nights) if key in night.samples
    ]
    total = sum(values.size for _, values in having)
    step = max(1, -(-total // most))
    dots = [(at, value) for at, values in having for value in values[::step]]
    at_night = [at for at, _ in having]
    axes.plot(
        [at + 0.12 for at, _ in dots],
        [value for _, value in dots],
        ".",
        color=SOFT.light,
        markersize=3,
        alpha=0.45,
        label="trial",
    )
    axes.plot(
        at_night,
        [night.samples[key].median for night in nights if key in night.samples],
        "o-",
        color=BLUE.light,
        label="median",
    )
    axes.plot(
        at_night,
        [night.samples[key].worst for night in nights if key in night.samples],
        "v",
        color=INK.light,
        markersize=4,
        linestyle="none",
        label="worst",
    )
    labels = [night.label for night in nights]
    for finding in judgement.findings if judgement else ():
        if finding.key == key:
            colour, word = (WARN, "lab?") if finding.whose == "lab" else (ORANGE, "worse")
            at = labels.index(finding.night) - 0.5
            axes.axvline(at, color=colour.light, linestyle="--", linewidth=1.5)
            axes.annotate(
                word,
                (at, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, -2),
                textcoords="offset points",
                va="top",
                color=colour.light,
                fontsize=9,
            )
    axes.set_xlim(-0.6, len(nights) - 0.4)
    axes.set_ylabel(f"{key.metric}\nseconds", fontsize=8.5)
    axes.grid(axis="y")
    axes.tick_params(labelsize=8.5)
