# SPDX-License-Identifier: MIT
"""rfc7654.json and rfc6201.json: a run's numbers in the form that the two RFCs ask for.

Schemas: docs/reference/rfc7654.schema.json, docs/reference/rfc6201.schema.json.
"""

import json
from pathlib import Path
from typing import Any

from rig.outage.result import Agreement
from rig.place.topology import described
from rig.report.templates import environment
from rig.report.trials import (
    anomalies,
    describe,
    describe_measured,
    excluded,
    is_measured,
    is_upgrade,
    reliability,
    reset_time,
)
from rig.report.verified import reason

FORMAT = 1
TITLES = {
    "rfc7654": "In-service software upgrade, RFC 7654",
    "rfc6201": "Device reset characterization, RFC 6201",
}
PHASES = ("T1_s", "T2_s", "T3_s", "T4_s")
VIEWS = {
    "frame loss": "frame_loss",
    "timestamp, traffic": "traffic",
    "timestamp, counter": "counter",
}
SETTLINGS = {"timestamp, traffic": "traffic", "timestamp, counter": "counter"}
# RFC 6201: what is reset, its section, whether a device without line cards must be tested so.
RESETS = {
    "power": ("4.3.1", "Power interruption", True),
    "os": ("4.2.1", "Operating system reset", True),
    "process": ("4.2.2", "Process reset (walnutd)", False),
}
TRIALS_MIN = 20  # for a timing claim, docs/explanation/measuring.md
RESET_S_MIN = (
    15.0  # RFC 6201: of good service before each trial (section 4), and without power (4.3.1)
)
# The view that the first lines of a report quote, and why.
LEADS = {
    "rfc7654": "TPL time is defined as TPL frames over the offered load (section 5.3)",
    "rfc6201": "the RFC recommends it where the tester sends on while nobody answers",
}
DEVIATIONS = (
    (
        "One board, no standby (section 5): T1 is staging, from the manifest's check to the slot"
        " that was read back; T2 is from the commit to the service's return; T3 from there to the"
        " confirmation, after which the boot count no longer leads back."
    ),
    (
        "T1 to T4 are the rig's clock at the board's console lines; losses and outages are not:"
        " they come from instruments outside the board (section 7.1)."
    ),
    (
        "The heartbeat line exists for the rig's sake (section 8). The service drives it from its"
        " data path, and the traffic view does not need it."
    ),
    "The download runs before the timed window (section 3.1) and over the network under test.",
)


def write(folder: Path, summary: dict[str, Any]) -> list[str]:
    """Write the JSON and the page of each report that the run has numbers for; name them.

    A run that was recorded without place.json gets none.
    """
    # matplotlib is slow to import
    from rig.report.distribution import distributions  # noqa: PLC0415
    from rig.report.topology import drawing  # noqa: PLC0415

    place = described(folder)
    if place is None:
        return []
    made = []
    for name, report in (
        ("rfc7654", rfc7654(summary, place)),
        ("rfc6201", rfc6201(summary, place)),
    ):
        if report is None:
            continue
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
        page = environment().get_template(f"{name}.html.j2")
        html = page.render(
            report=report,
            title=TITLES[name],
            data=f"{name}.json",
            distributions=distributions(report),
            unverified=reason(report["verification"], report["instruments"]),
            drawing=drawing(report["topology"], report["place"]),
        )
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
        made.append(name)
    return made


def rfc7654(summary: dict[str, Any], place: dict[str, Any]) -> dict[str, Any] | None:
    """Return rfc7654.json of a run; None where it has no upgrade without a fault."""
    moves = [step for step in summary["steps"] if step["fault"] == "none" and not step["reset"]]
    if not moves:
        return None
    directions: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for step in filter(is_upgrade, moves):
        directions.setdefault((step["from"], step["to"]), []).append(step)
    return _head(summary, place) | {
        "lead": {"view": "frame loss", "why": LEADS["rfc7654"]},
        "directions": [_direction(*key, steps) for key, steps in directions.items()],
        "excluded": excluded(moves, is_upgrade),
        "reliability": reliability(moves, is_upgrade),
        "limits": [limit for limit in summary["limits"] if "reset" not in limit],
        "deviations": list(DEVIATIONS),
        "anomalies": anomalies(moves),
    }


def rfc6201(summary: dict[str, Any], place: dict[str, Any]) -> dict[str, Any] | None:
    """Return rfc6201.json of a run; None where nothing was reset."""
    steps = [step for step in summary["steps"] if step["reset"]]
    found = []
    for what, (section, title, required) in RESETS.items():
        chosen = [step for step in steps if step["reset"] == what and is_measured(step)]
        if not chosen:
            continue
        trials = [_reset_trial(step) for step in chosen]
        times = {
            view: [trial["reset_time"][view] for trial in trials if trial["reset_time"][view]]
            for view in VIEWS
        }
        deviations = _short_of_rfc6201(what, section, trials)
        found.append(
            {
                "what": what,
                "section": section,
                "title": title,
                "required": required,
                "enough": len(trials) >= TRIALS_MIN and not deviations,
                "deviations": deviations,
                "reset_time": {view: describe_measured(values) for view, values in times.items()},
                "settle": {
                    view: describe_measured([trial["settle"][view] for trial in trials])
                    for view in SETTLINGS
                },
                "trials": trials,
            }
        )
    if not steps:
        return None
    return _head(summary, place) | {
        "lead": {"view": "frame loss", "why": LEADS["rfc6201"]},
        "resets": found,
        "missing": [
            f"{title} (section {section})"
            for what, (section, title, required) in RESETS.items()
            if required and what not in {reset["what"] for reset in found}
        ],
        "excluded": excluded(steps, is_measured),
        "reliability": reliability(steps, is_measured),
        "limits": [limit for limit in summary["limits"] if "reset" in limit],
        "anomalies": anomalies(steps),
    }


def _head(summary: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "place": summary["place"],
        "command": summary["command"],
        "started": summary["started"],
        "ended": summary["ended"],
        "board": place["board"],
        "topology": place["parts"],
        "load": place["load"],
        "instruments": summary["instruments"],
        "floors": summary["floors"],
        "verification": summary["verification"],
    }


def _direction(start: str, end: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    trials = [
        {
            "name": step["name"],
            "phases": step["phases"],
            "tpl_frames": step["outage"]["lost"],
            "tpl_time": {view: step["outage"][key] for view, key in VIEWS.items()},
            "settle": {view: step["settle"][key] for view, key in SETTLINGS.items()},
            "agreement": step["outage"]["agreement"],
            "quoted": step["outage"]["quoted"],
            "raw": step["raw"],
        }
        for step in steps
    ]
    frames = [float(trial["tpl_frames"]) for trial in trials]
    return {
        "from": start,
        "to": end,
        "enough": len(trials) >= TRIALS_MIN,
        "phases": {name: describe([trial["phases"][name] for trial in trials]) for name in PHASES},
        "tpl_frames": describe(frames),
        "tpl_time": {
            view: describe_measured([trial["tpl_time"][view] for trial in trials]) for view in VIEWS
        },
        "settle": {
            view: describe_measured([trial["settle"][view] for trial in trials])
            for view in SETTLINGS
        },
        "unclear": sum(trial["agreement"] == Agreement.unclear for trial in trials),
        "trials": trials,
    }


def _short_of_rfc6201(what: str, section: str, trials: list[dict[str, Any]]) -> list[str]:
    """Say what RFC 6201 asks of a reset and some trials did not have."""
    asked = {"of good service before": [trial["steady_s"] for trial in trials]}
    if what == "power":
        gone = [trial["power_gone"] for trial in trials]
        asked["without power"] = [item["value_s"] if item else None for item in gone]
    found = []
    for name, lengths in asked.items():
        short = [length for length in lengths if length is None or length < RESET_S_MIN]
        if short:
            known = [length for length in short if length is not None]
            least = f"{min(known):.1f} s" if known else "not recorded"
            found.append(
                f"{len(short)} of {len(trials)} trials had less than {RESET_S_MIN:.0f} s {name}"
                f" (least: {least}): no claim under RFC 6201 section {section}"
            )
    return found


def _reset_trial(step: dict[str, Any]) -> dict[str, Any]:
    gone = step["power_gone"]

    def less_gone(found: dict[str, Any] | None) -> dict[str, Any] | None:
        return reset_time(found, gone) if found and gone else found

    times = {view: less_gone(step["outage"][key]) for view, key in VIEWS.items()}
    return {
        "name": step["name"],
        "steady_s": step["steady_s"],
        "power_gone": gone,
        "reset_time": times,
        "settle": {view: less_gone(step["settle"][key]) for view, key in SETTLINGS.items()},
        "frames_lost": step["outage"]["lost"],
        "agreement": step["outage"]["agreement"],
        "quoted": step["outage"]["quoted"],
        "raw": step["raw"],
    }
