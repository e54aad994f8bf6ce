# SPDX-License-Identifier: MIT
"""A sweep by the clock, counted: strata, bands, edges."""

from collections.abc import Sequence
from itertools import groupby
from statistics import median
from typing import Any

from rig.report.outcomes import counted, upper_bound
from rig.sweep.point import TIMED
from rig.sweep.records import SweepRecords
from rig.sweep.strata import Stratum, mark_of


def summarise_timed(records: SweepRecords) -> dict[str, Any]:
    """Return `timed` of docs/reference/sweep.schema.json."""
    sweep = records.sweep() or {}
    strata = [Stratum.from_json(item) for item in sweep["recording"]["strata"]]
    points = [point for point in records.points() if point["way"] == TIMED]
    cuts = [_cut(point, strata[point["number"] - 1]) for point in points]
    return {
        "strata": [_row([stratum], cuts) | {"mark": stratum.name} for stratum in strata],
        "bands": [
            _row(list(group), cuts) for _, group in groupby(strata, key=lambda item: item.band)
        ],
        "edges": _edges(cuts),
        "cuts": cuts,
    }


def _cut(point: dict[str, Any], stratum: Stratum) -> dict[str, Any]:
    """Return one cut; `at_s` is where it fell on the uncut run's time: its mark's, and the delay.

    The delay is that of the rail's edge, or, where that was not measured, the planned one.
    """
    delay_s = mark_of(point["plan"]).delay_s
    record = point["record"] or {}
    edge = (record.get("edge") or {}).get("delay")
    return {
        "plan": point["plan"],
        "mark": stratum.name,
        "band": stratum.band,
        "outcome": point["outcome"],
        "delay_s": delay_s,
        "edge": edge and {"value_s": edge["value"], "uncertainty_s": edge["uncertainty"]},
        "at_s": round(stratum.begin_s + (edge["value"] if edge else delay_s), 6),
        "release": record.get("release"),
        "boots": point["boots"],
        "key": record.get("key"),
    }


def _row(strata: Sequence[Stratum], cuts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Count the cuts of neighbouring strata."""
    names = {stratum.name for stratum in strata}
    inside = [cut for cut in cuts if cut["mark"] in names]
    counts = counted(cut["outcome"] for cut in inside)
    return {
        "band": strata[0].band,
        "begin_s": strata[0].begin_s,
        "length_s": round(sum(stratum.length_s for stratum in strata), 6),
        "cuts": len(inside),
        "outcomes": counts,
        "upper_bound": upper_bound(counts),
    }


def _edges(cuts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how well the rail's edges are known, and how late they came after the plan."""
    measured = [cut for cut in cuts if cut["edge"]]
    late_s = [cut["edge"]["value_s"] - cut["delay_s"] for cut in measured]
    return {
        "measured": len(measured),
        "uncertainty_s_max": max((cut["edge"]["uncertainty_s"] for cut in measured), default=None),
        "late_s_median": median(late_s) if late_s else None,
        "late_s_max": max(late_s, default=None),
    }
