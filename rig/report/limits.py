# SPDX-License-Identifier: MIT
"""A run's figures held against the limits of its place: passed, failed or unclear."""

from collections.abc import Mapping, Sequence
from typing import Any

from rig.faults.outcome import Outcome
from rig.measure.limits import OUTAGES, SETTLINGS, FigureLimit
from rig.measure.measurement import Measurement, Verdict
from rig.outage.result import Agreement
from rig.report.trials import Step, reset_time

CONSOLE = "console lines, uncertainty not stated"


def verdicts(steps: Sequence[Step], entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Judge every step without a fault by the limits that cover it; a limit of none is left out.

    `entries` are the place file's, as place.json has them.
    """
    found = []
    for entry in entries:
        wanted = FigureLimit.parse(entry)
        trials = [
            _trial(step, wanted)
            for step in steps
            if step["fault"] == "none"
            and wanted.covers(step["from"] or "", step["wanted"], step["reset"])
        ]
        if trials:
            found.append(
                {**entry, "of": wanted.covered, "verdict": _overall(trials), "trials": trials}
            )
    return found


def _overall(trials: Sequence[dict[str, Any]]) -> str:
    """Return the worst of the trials' verdicts: a limit holds for each of them."""
    seen = {trial["verdict"] for trial in trials}
    worst = (Verdict.failed, Verdict.unclear, Verdict.passed)
    return next(verdict.value for verdict in worst if verdict.value in seen)


def _trial(step: Step, wanted: FigureLimit) -> dict[str, Any]:
    measured = _figure(step, wanted.figure)
    return {
        "name": step["name"],
        "value_s": measured.value if measured else None,
        "uncertainty_s": measured.uncertainty if measured and measured.uncertainty else None,
        "verdict": _judged(step, wanted, measured).value,
    }


def _judged(step: Step, wanted: FigureLimit, measured: Measurement | None) -> Verdict:
    """Judge one figure; what was not measured, or by two views that do not agree, is unclear."""
    if measured is None or (
        wanted.figure in OUTAGES and step["outage"]["agreement"] == Agreement.unclear
    ):
        return Verdict.unclear
    verdict = wanted.limit.judge(measured)
    lower_bound = wanted.figure in SETTLINGS and not step["settle"]["settled"]
    if verdict is Verdict.passed and (lower_bound or not Outcome(step["outcome"]).good):
        return Verdict.unclear  # it might have taken longer
    return verdict


def _figure(step: Step, figure: str) -> Measurement | None:
    if figure not in {*OUTAGES, *SETTLINGS}:
        value = step["phases"][f"{figure}_s"]
        return None if value is None else _measurement(figure, value, 0.0, CONSOLE)
    kind, _, view = figure.partition(".")
    found = step[kind][view]
    if found and step["reset"] == "power":
        found = reset_time(found, step["power_gone"]) if step["power_gone"] else None
    if not found:
        return None
    return _measurement(figure, found["value_s"], found["uncertainty_s"], found["instrument"])


def _measurement(name: str, value: float, uncertainty: float, source: str) -> Measurement:
    return Measurement(
        name=name, value=value, unit="s", uncertainty=uncertainty, source=source, taken_at_s=0.0
    )
