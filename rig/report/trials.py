# SPDX-License-Identifier: MIT
"""Which steps are trials of a claim, what those left out would mean, and a sample in numbers."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from rig.faults.outcome import Outcome
from rig.measure.statistics import clopper_pearson_upper, median, order_statistic_bounds, worst
from rig.outage.result import Agreement

Step = dict[str, Any]  # of summary.json
CONFIDENCE = 0.95


def is_measured(step: Step) -> bool:
    """Tell whether a step came out well and was measured: a trial of a claim on resets."""
    return Outcome(step["outcome"]).good and step["outage"]["traffic"] is not None


def is_upgrade(step: Step) -> bool:
    """Tell whether a step is a trial of a claim on upgrades: it arrived, and T1 to T4 are known."""
    return is_measured(step) and step["to"] == step["wanted"] and step["phases"]["T4_s"] is not None


def excluded(steps: Sequence[Step], counts: Callable[[Step], bool]) -> list[dict[str, str]]:
    """Name each step that is no trial, and why: what is left out biases a claim."""
    return [
        {"name": step["name"], "outcome": step["outcome"], "why": _why(step)}
        for step in steps
        if not counts(step)
    ]


def _why(step: Step) -> str:
    ended_on = str(step["ended_on"])
    if step["error"]:
        return str(step["error"])
    if step["to"] != step["wanted"]:
        return f"{ended_on}; runs {step['to'] or 'nothing'} in place of {step['wanted']}"
    return ended_on if step["outage"]["traffic"] else f"{ended_on}; its outage was not measured"


def reliability(steps: Sequence[Step], counts: Callable[[Step], bool]) -> dict[str, Any]:
    """Bound the probability that a step fails, all that are no trials counted as failures."""
    failures = len(excluded(steps, counts))
    return {
        "trials": len(steps),
        "failures": failures,
        "at_most": round(clopper_pearson_upper(failures, len(steps), CONFIDENCE), 6),
        "confidence": CONFIDENCE,
    }


def anomalies(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was odd of each step: unclear views, impaired packets, notes, further boots."""
    found = []
    for step in steps:
        odd = [*step["notes"]]
        if step["outage"]["agreement"] == Agreement.unclear:
            odd.append("the two views differ by more than their uncertainties: unclear")
        if step["raw"] and step["raw"]["state"] == "changed":
            odd.append("its raw data changed since they were recorded")
        odd += [f"{count} answers {kind}" for kind, count in step["impaired"].items() if count]
        if step["outcome"] == Outcome.recovered.value:
            odd.append(f"needed {step['boots']} boots")
        if odd:
            found.append({"name": step["name"], "what": odd})
    return found


def reset_time(outage: dict[str, Any], gone: dict[str, Any]) -> dict[str, Any]:
    """Take exactly the time without power from an outage (RFC 6201 section 4.3.1)."""
    return outage | {
        "value_s": round(outage["value_s"] - gone["value_s"], 6),
        "uncertainty_s": round(math.hypot(outage["uncertainty_s"], gone["uncertainty_s"]), 6),
        "method": f"{outage['method']}; less the time without power",
        "budget": [*outage["budget"], *gone["budget"]],
    }


def describe_measured(measured: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Describe a sample of measured times, with the largest uncertainty of a single one."""
    known = [item for item in measured if item]
    if not known:
        return None
    described = describe([item["value_s"] for item in known])
    return described | {
        "uncertainty_s": max(item["uncertainty_s"] for item in known),
        "instrument": known[0]["instrument"],
        "verified": all(item["verified"] for item in known),
    }


def describe(values: Sequence[float]) -> dict[str, Any]:
    """Return median, its distribution-free 95 % bounds (null: too few), mean and worst."""
    bounds = order_statistic_bounds(values, 0.5, 0.95)
    return {
        "trials": len(values),
        "median": round(median(values), 6),
        "low": rounded(bounds.low),
        "high": rounded(bounds.high),
        "mean": round(sum(values) / len(values), 6),
        "worst": round(worst(values), 6),
    }


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
