# SPDX-License-Identifier: MIT
"""One upgrade on one axis of time: phases, console, power, current, heartbeat and traffic."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from rig.outage.gaps import Spans
from rig.report.figure import picture
from rig.report.outage_plots import PHASES
from rig.report.palette import BLUE, GREY, INK, ORANGE, PAPER, WARN, Colour
from rig.report.raw_times import Sight, sight

HEIGHT = 0.36  # of a row's bar
BESIDE_S = 1.0  # of the axis, before the first line and after the last
LETTER = 0.011  # of the axis
FIRST = (("run", "reboot"), ("boot", "up"))  # lines that are named before others


def chosen(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the upgrades whose story is told: the longest outage, without a fault and with a cut.

    Fewer where a run has no such step.
    """
    upgrades = [step for step in steps if step["events"] and step["outage"]["traffic"]]
    kinds = (
        [step for step in upgrades if step["fault"] == "none"],
        [step for step in upgrades if step["cut"]],
    )
    return [
        max(kind, key=lambda step: float(step["outage"]["traffic"]["value_s"]))
        for kind in kinds
        if kind
    ]


def story(folder: Path, step: dict[str, Any]) -> str:
    """Return the figure of an upgrade as SVG text, with what its raw data hold."""
    return drawing(step, sight(folder, step))


@picture
def drawing(step: dict[str, Any], seen: Sight | None) -> Figure:
    """Draw the upgrade; without raw data the console's rows alone."""
    zero_s = float(step["events"][0]["at_s"])
    rows = ["phases", "console"]
    rows += ["power"] if step["cut"] else []
    rows += ["current"] if seen and seen.current else []
    rows += ["heartbeat"] if seen and seen.beats else []
    rows += ["traffic"] if seen and seen.traffic else []
    figure = Figure(figsize=(9.0, 1.6 + 0.62 * len(rows)))
    axes = figure.add_subplot()
    axes.grid(axis="x")
    axes.set_xlim(-BESIDE_S, _end_s(step, seen) - zero_s + BESIDE_S)
    _phases(axes, step, zero_s)
    _console(axes, step, zero_s)
    if step["cut"]:
        _power(axes, rows.index("power"), step, zero_s)
    if seen and "current" in rows:
        _current(axes, rows.index("current"), seen, zero_s)
    if seen and "heartbeat" in rows:
        row = rows.index("heartbeat")
        _watched(axes, row, _since(seen.beats, zero_s), ORANGE)
        _gaps(axes, row, _since(seen.silent, zero_s), "no heartbeat for")
    if seen and "traffic" in rows:
        row = rows.index("traffic")
        _watched(axes, row, _since(seen.traffic, zero_s), BLUE)
        _gaps(axes, row, _since(seen.lost, zero_s), "no answer for")
        _late(axes, row, _since(seen.late, zero_s))
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.7)
    axes.set_xlabel("seconds since the updater started")
    return figure


def _end_s(step: dict[str, Any], seen: Sight | None) -> float:
    """Return when the last thing that is known of a step was seen."""
    watched = [to_s for _, to_s in (*seen.traffic, *seen.beats)] if seen else []
    return max(float(step["events"][-1]["at_s"]), *watched, float("-inf"))


def _since(spans: Spans, zero_s: float) -> Spans:
    return tuple((from_s - zero_s, to_s - zero_s) for from_s, to_s in spans)


def _phases(axes: Any, step: dict[str, Any], zero_s: float) -> None:  # noqa: ANN401
    times = {(event["phase"], event["event"]): event["at_s"] for event in step["events"]}
    last_s = step["events"][-1]["at_s"]
    for name, start, end, colour in PHASES:
        if start not in times:
            continue
        from_s, to_s = times[start] - zero_s, times.get(end, last_s) - zero_s
        axes.barh(0, to_s - from_s, left=from_s, height=HEIGHT, color=colour.light)
        _text(axes, (from_s + to_s) / 2, 0, name.partition(" ")[0])


def _console(axes: Any, step: dict[str, Any], zero_s: float) -> None:  # noqa: ANN401
    """Mark what the board said, one tick a line, and name what has room."""
    said = [(event["at_s"] - zero_s, event["phase"], event["event"]) for event in step["events"]]
    for at_s, _, _ in said:
        axes.vlines(at_s, 1 - HEIGHT / 2, 1 + HEIGHT / 2, color=INK.light, linewidth=1.2)
    left_s, right_s = axes.get_xlim()
    letter_s = LETTER * (right_s - left_s)
    named: list[tuple[float, float]] = []  # middle and half the width
    for at_s, phase, event in sorted(said, key=lambda line: line[1:] not in FIRST):
        text = f"{phase} {event}"
        half_s = letter_s * len(text) / 2
        room = at_s - half_s > left_s
        if room and all(abs(at_s - other_s) > half_s + room_s for other_s, room_s in named):
            _text(axes, at_s, 1, text)
            named.append((at_s, half_s))


def _power(axes: Any, row: int, step: dict[str, Any], zero_s: float) -> None:  # noqa: ANN401
    """Draw the feed until it fell: when that was measured, else at the last line before."""
    edge = step["cut"]["edge"]
    at_s = step["events"][-1]["at_s"] - zero_s + (edge["delay_s"] if edge else 0.0)
    _watched(axes, row, ((-BESIDE_S, at_s),), GREY)
    axes.plot(at_s, row, marker="X", color=INK.light, markersize=9, linestyle="none")
    said = "the rail fell" if edge else "cut, after the last line"
    axes.annotate(
        said, (at_s, row), xytext=(9, 0), textcoords="offset points", va="center", fontsize=9
    )


def _current(axes: Any, row: int, seen: Sight, zero_s: float) -> None:  # noqa: ANN401
    """Draw what flowed: 0 A is the row's lower edge, the most that was read its upper one."""
    most_a = max(current_a for _, current_a in seen.current)
    times = [at_s - zero_s for at_s, _ in seen.current]
    zero = row + HEIGHT / 2  # the axis points down
    heights = [zero - HEIGHT * current_a / (most_a or 1.0) for _, current_a in seen.current]
    axes.fill_between(times, zero, heights, color=GREY.light, linewidth=0)
    axes.plot(times, heights, color=INK.light, linewidth=1.0)
    _text(axes, (times[0] + times[-1]) / 2, row, f"at most {most_a:.2f} A")


def _watched(axes: Any, row: int, spans: Spans, colour: Colour) -> None:  # noqa: ANN401
    for from_s, to_s in spans:
        axes.barh(row, to_s - from_s, left=from_s, height=HEIGHT, color=colour.light)


def _gaps(axes: Any, row: int, spans: Spans, said: str) -> None:  # noqa: ANN401
    """Break a row's bar where nothing was seen, and say for how long the longest silence was."""
    for from_s, to_s in spans:
        axes.barh(
            row,
            to_s - from_s,
            left=from_s,
            height=HEIGHT,
            color=PAPER.light,
            edgecolor=INK.light,
            linewidth=0.8,
        )
    if spans:
        from_s, to_s = max(spans, key=lambda span: span[1] - span[0])
        _text(axes, (from_s + to_s) / 2, row, f"{said} {to_s - from_s:.3f} s")


def _late(axes: Any, row: int, spans: Spans) -> None:  # noqa: ANN401
    """Mark answers that came too late to be good."""
    for from_s, to_s in spans:
        axes.hlines(row + HEIGHT, from_s, max(to_s, from_s + 0.02), color=WARN.light, linewidth=3)


def _text(axes: Any, at_s: float, row: int, text: str) -> None:  # noqa: ANN401
    axes.text(at_s, row - HEIGHT / 2 - 0.06, text, ha="center", va="bottom", fontsize=9)
