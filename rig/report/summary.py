# SPDX-License-Identifier: MIT
"""summary.json: the run for programs, docs/reference/summary.schema.json."""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rig.campaign.follower import EndedOn
from rig.faults.expectations import PairVerdict
from rig.faults.outcome import Outcome
from rig.measure.uncertainty import Contribution
from rig.place.topology import described
from rig.records.run import Results
from rig.report.limits import verdicts
from rig.report.mismatch import counts
from rig.report.preferred_view import quoted
from rig.report.raw_data import raw_data
from rig.report.remeasured import remeasured
from rig.report.trials import describe, rounded
from rig.report.verified import is_verified

FORMAT = 1
VIEWS = ("traffic", "counter", "frame_loss")
SETTLINGS = {"traffic": "settling", "counter": "counter_settling"}
IMPAIRED = ("duplicates", "reordered", "late", "corrupted")  # RFC 6412


def summarise(results: Results) -> dict[str, Any]:
    """Return the summary of a run."""
    run = results.run()
    verification, attached = run["verification"], results.raw_data()
    steps = [
        _step(remeasured(record, raw, results.folder), verification) | {"raw": raw}
        for record, raw in (
            (record, _raw(record["outages"], attached.get(number), results.folder))
            for number, record in enumerate(results.steps(), start=1)
        )
    ]
    pairs = results.pairs()
    limits = verdicts(steps, (described(results.folder) or {}).get("limits", []))
    return {
        "format": FORMAT,
        "place": run["place"],
        "command": run["command"],
        "started": _moment(run["started_at_s"]),
        "ended": _moment(run["ended_at_s"]),
        "status": run["status"],
        "verdict": verdict(steps, pairs, limits),
        "instruments": run["instruments"],
        "floors": run["floors"][-1] if run["floors"] else None,
        "verification": verification,
        "statistics": statistics_of_steps(steps),
        "settling": statistics_of_steps(steps, "settle"),
        "steps": steps,
        "limits": limits,
        "pairs": counts(pairs),
    }


def verdict(
    steps: list[dict[str, Any]],
    pairs: list[dict[str, Any]] | None = None,
    limits: Sequence[dict[str, Any]] = (),
) -> str:
    """Say who must act: `product`, `bench`, or nobody (`good`); `empty` without steps and pairs."""
    outcomes = [Outcome(step["outcome"]) for step in steps]
    of_pairs = {PairVerdict(pair["verdict"]) for pair in pairs or []}
    if not outcomes and not of_pairs:
        return "empty"
    if (
        any(of_pair.bad for of_pair in of_pairs)
        or any(outcome.bad for outcome in outcomes)
        or any(map(_stayed, steps))
        or any(limit["verdict"] == "failed" for limit in limits)
    ):
        return "product"
    return "bench" if Outcome.bench in outcomes or PairVerdict.bench in of_pairs else "good"


def _stayed(step: dict[str, Any]) -> bool:
    """Tell whether an upgrade without a fault left the board, whole, where it was not to be."""
    upgrade = step["fault"] == "none" and not step["reset"]
    return upgrade and Outcome(step["outcome"]).good and bool(step["to"] != step["wanted"])


def _step(record: dict[str, Any], verification: dict[str, Any] | None) -> dict[str, Any]:
    upgrade = record["upgrade"] or {}
    outages = record["outages"]
    phases = {f"T{n}_s": upgrade.get(f"t{n}_s") for n in (1, 2, 3)}
    known = [value for value in phases.values() if value is not None]
    phases["T4_s"] = sum(known) if len(known) == len(phases) else None
    return {
        "name": record["name"],
        "from": record["from_release"],
        "to": record["to_release"],
        "wanted": record["wanted"],
        "fault": record["fault"],
        "outcome": record["outcome"],
        "ended_on": record["ended_on"],
        "outage": _outage(outages, verification),
        "settle": _settle(outages, verification),
        "impaired": {kind: (outages or {}).get(kind, 0) for kind in IMPAIRED},
        "reset": record.get("reset"),
        "power_gone": _measured(record.get("power_gone"), verified=False),
        "unfed": _measured((outages or {}).get("unfed"), verified=False),
        "steady_s": rounded(record.get("steady_s")),
        "phases": phases,
        "cut": _cut(record),
        "operations": record["operations"],
        "boots": record["boots"],
        "started": _moment(record["started_at_s"]),
        "duration_s": round(record["duration_s"], 3),
        "error": record["error"],
        "notes": [*record["notes"], *(outages["notes"] if outages else ())],
        "events": [
            {"at_s": round(event["seen_at_s"], 3), "phase": event["phase"], "event": event["event"]}
            for number, event in enumerate(upgrade.get("events", ()), start=1)
            # The last one stays, whatever it is: it is where a cut step ended.
            if event["event"] != "progress" or number == len(upgrade["events"])
        ],
    }


def _outage(outages: dict[str, Any] | None, verification: dict[str, Any] | None) -> dict[str, Any]:
    """Return the outage by each view, whether they agree, and which one is quoted."""
    found = {
        view: _measured((outages or {}).get(view), verified=is_verified(verification, view))
        for view in VIEWS
    }
    found["agreement"] = outages["agreement"] if outages else None
    return found | {
        "quoted": quoted(found),
        "lost": outages["loss_frames"] if outages else None,
    }


def _settle(outages: dict[str, Any] | None, verification: dict[str, Any] | None) -> dict[str, Any]:
    """Return how long the service took to settle by each view; null: nobody measured that."""
    found: dict[str, Any] = dict.fromkeys(SETTLINGS)
    for view, key in SETTLINGS.items():
        if settling := (outages or {}).get(key):
            measured = _measured(settling["time"], verified=is_verified(verification, view))
            silences = {
                "silences": settling["silences"],
                "silences_s": round(settling["silences_s"], 6),
            }
            found[view] = (measured or {}) | silences
    found["settled"] = bool(outages and outages["recovered"])
    return found


def _raw(
    outages: dict[str, Any] | None, attached: dict[str, Any] | None, folder: Path
) -> dict[str, Any] | None:
    return raw_data(outages["raw"], attached, folder) if outages else None


def _measured(measurement: dict[str, Any] | None, *, verified: bool) -> dict[str, Any] | None:
    if measurement is None:
        return None
    return {
        "value_s": round(measurement["value"], 6),
        "uncertainty_s": round(measurement["uncertainty"], 6),
        "instrument": measurement["source"],
        "method": measurement["method"],
        "verified": verified,
        "budget": [_contribution(item) for item in measurement.get("budget", ())],
    }


def _contribution(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "cause": item["cause"],
        "half_width_s": item["half_width"],
        "shape": item["shape"],
        "u_s": Contribution(**item).u,
        "why": item["why"],
    }


def _cut(record: dict[str, Any]) -> dict[str, Any] | None:
    """Say what was cut; without an interposer it is known that it was, and when, not what."""
    flash = record["flash_sha256_after_cut"]
    if flash is None and (record["upgrade"] or {}).get("ended_on") != EndedOn.cut:
        return None
    cut = record["cut"] or {}
    return {
        "operation": cut.get("operation"),
        "kind": cut.get("kind", "timed"),
        "seed": cut.get("seed"),
        "what": cut.get("what"),
        "offset": cut.get("offset"),
        "applied": cut.get("applied"),
        "sha256_after": flash,
        "edge": edge(record),
    }


def edge(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return when the rail fell after the line that a cut waited for, None if not measured."""
    found = record.get("edge")
    if found is None:
        return None
    return {
        "delay_s": round(found["delay"]["value"], 6),
        "uncertainty_s": round(found["delay"]["uncertainty"], 6),
        "voltage_v": round(found["voltage"]["value"], 4),
        "threshold_v": found["threshold_v"],
        "instrument": found["delay"]["source"],
        "method": found["delay"]["method"],
    }


def statistics_of_steps(
    steps: list[dict[str, Any]], figure: str = "outage"
) -> list[dict[str, Any]]:
    """Median and worst outage (or `settle`) of the steps that end alike, for traffic and counter.

    The bounds of the median are distribution-free, at 95 %; null where the sample is too small.
    """
    groups: dict[tuple[str, str, str, str | None], list[dict[str, Any]]] = {}
    for step in steps:
        key = (str(step["from"]), str(step["to"]), step["fault"], step["reset"])
        groups.setdefault(key, []).append(step)
    rows = []
    for (start, end, fault, reset), group in groups.items():
        for view in ("traffic", "counter"):
            seen = [step[figure][view] for step in group if step[figure][view]]
            if not seen:
                continue
            sample = describe([item["value_s"] for item in seen])
            rows.append(
                {
                    "from": start,
                    "to": end,
                    "fault": fault,
                    "reset": reset,
                    "view": view,
                    "trials": sample["trials"],
                    "median_s": sample["median"],
                    "median_low_s": sample["low"],
                    "median_high_s": sample["high"],
                    "worst_s": sample["worst"],
                    "verified": all(item["verified"] for item in seen),
                }
            )
    return rows


def _moment(at_s: float | None) -> str | None:
    if at_s is None:
        return None
    return dt.datetime.fromtimestamp(at_s, dt.UTC).isoformat(timespec="seconds")


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    path.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
