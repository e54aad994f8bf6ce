# SPDX-License-Identifier: MIT
"""The figures of a run that an older rig recorded, made anew from its raw times.

That rig called all silences with no five clean seconds between them one outage.  What it knew and
did not keep (when the counter was blind, how far its clock was off) is taken to be nothing.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rig.instruments.traffic import stalls_of
from rig.measure import criteria
from rig.measure.measurement import Measurement
from rig.measure.uncertainty import Contribution, Stamps
from rig.outage.estimate import View, traffic_outage
from rig.outage.event import LEAD_S, Span
from rig.outage.gaps import Times
from rig.outage.measure_event import agreement, behind_backlog, comings_and_goings, probe_stall
from rig.outage.witness import Estimate, Witness
from rig.records.plain import plain

ARRAYS = ("sequence", "sent_s", "received_s", "good", "heartbeat_s", "opened_s")
PROBE = "traffic.rec"  # the probe's own record, beside the raw times
GAP = re.compile(r"\bG = ([0-9.]+) s")
NOTE = "made anew from the raw times of an older rig: outage and time to settle are two figures now"
KEPT = (
    "an older rig's figures, which could not be made anew ({why}): silences within five seconds"
    " are in the outage"
)


def remeasured(record: dict[str, Any], raw: dict[str, Any] | None, folder: Path) -> dict[str, Any]:
    """Return the record of a step with both figures; `raw` says where its raw times are."""
    outages = record["outages"]
    if not outages or "settling" in outages:
        return record
    if raw is None or raw["state"] != "as recorded":
        why = f"its raw times are {raw['state']}" if raw else "it has no raw times"
        return record | {"outages": _noted(outages, KEPT.format(why=why))}
    path = folder / raw["file"]
    with np.load(path) as arrays:
        if missing := [name for name in ARRAYS if name not in arrays.files]:
            why = f"{path.name} has no {', '.join(missing)}"
            return record | {"outages": _noted(outages, KEPT.format(why=why))}
        times = {name: arrays[name] for name in ARRAYS}
    figures = _figures(outages, times, path.with_name(PROBE))
    return record | {"outages": _noted(outages | figures, NOTE)}


def _noted(outages: dict[str, Any], note: str) -> dict[str, Any]:
    return outages | {"notes": [*outages["notes"], note]}


def _figures(outages: dict[str, Any], times: dict[str, Any], record: Path) -> dict[str, Any]:
    """Measure anew; `record` is the probe's own, from which it is known when it stood still."""
    good_s = np.sort(times["received_s"][times["good"]])
    numbers, sent_s = times["sequence"].astype(np.float64), times["sent_s"]
    period_s = float((sent_s.max() - sent_s.min()) / (numbers.max() - numbers.min()))
    floors = outages["floors"]
    opened_s = float(times["opened_s"])
    stalls = stalls_of(record, period_s, opened_s - LEAD_S) if record.is_file() else ()
    probe = _witness(
        outages, "traffic", good_s, opened_s, traffic_outage, period_s, floors["traffic_s"]
    )
    probe = replace(probe, own=stalls, busy=True, stalled_s=probe_stall(stalls))
    outage = _outage(probe, outages["traffic"])
    settling = probe.settling(outage)
    found = {"traffic": plain(outage), "settling": plain(settling)}
    counter = counter_settling = gap = None
    if outages["counter"]:
        beats_s = times["heartbeat_s"]
        beat_s = float(np.median(np.diff(beats_s)))
        floor_s = floors["counter_s"] or criteria.event_s(beat_s)
        estimate = behind_backlog(sent_s, times["received_s"])
        other = _witness(outages, "counter", beats_s, opened_s, estimate, beat_s, floor_s)
        other = replace(other, stalls=stalls)
        counter = _outage(other, outages["counter"])
        counter_settling, gap = other.settling(counter), other.gap
    clear = outages["recovered"] and not _looked_away(outages)
    return found | {
        "counter": plain(counter) if counter else None,
        "counter_settling": plain(counter_settling) if counter_settling else None,
        "agreement": agreement(outage, counter, (probe.gap, gap), clear=clear),
        "notes": [*outages["notes"], *comings_and_goings(settling, counter_settling)],
    }


def _witness(
    outages: dict[str, Any],
    view: str,
    times_s: Times,
    opened_s: float,
    estimate: Estimate,
    period_s: float,
    floor_s: float,
) -> Witness:
    measured = outages[view]
    correlation_s = _half_width(measured, "clock correlation")
    return Witness(
        view=View(
            name=measured["name"],
            source=measured["source"],
            period_s=period_s,
            floor_s=floor_s,
            calibration=measured["calibration"],
            stamps=_stamps(measured),
        ),
        estimate=estimate,
        times_s=times_s,
        # The event was over before the clean seconds with which the raw times end.
        span=Span(opened_s - LEAD_S, float("inf"), opened_s - LEAD_S),
        now_s=measured["taken_at_s"],
        recovered=outages["recovered"],
        correlation_s=lambda _: correlation_s,
    )


def _outage(witness: Witness, recorded: dict[str, Any]) -> Measurement:
    """Measure anew what was an outage; what was none, or not seen, stays as it was said."""
    if GAP.search(recorded["method"]) and witness.gap:
        return witness.outage(hidden=False)
    budget = tuple(Contribution(**item) for item in recorded.get("budget", ()))
    return Measurement(**{**recorded, "budget": budget})


def _stamps(measured: dict[str, Any]) -> Stamps:
    gap = GAP.search(measured["method"])
    return Stamps(
        resolution_s=_half_width(measured, "resolution"),
        trigger_s=_half_width(measured, "trigger level"),
        time_base=_half_width(measured, "time base") / float(gap[1]) if gap else 0.0,
    )


def _half_width(measured: dict[str, Any], cause: str) -> float:
    found = (item for item in measured.get("budget", ()) if item["cause"] == cause)
    return next((float(item["half_width"]) for item in found), 0.0)


def _looked_away(outages: dict[str, Any]) -> bool:
    """Tell whether an instrument said of itself that it did not see what the other saw."""
    hidden = any(
        outages[view] and outages[view]["method"].startswith("not seen")
        for view in ("traffic", "counter")
    )
    return hidden or any("may have been blind" in note for note in outages["notes"])
