# SPDX-License-Identifier: MIT
"""A sweep for people and programs: fault map, counts with their bounds, failures with their key."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from rig.faults.plan import Kind
from rig.report.cuts import cuts_picture
from rig.report.fault_map import fault_map
from rig.report.figure import alone
from rig.report.journal import journal_timeline
from rig.report.latest_link import point_latest_to
from rig.report.outcomes import BENCH, GOOD, counted, shares, upper_bound
from rig.report.templates import environment
from rig.report.timed import summarise_timed
from rig.sweep.point import LONG, SHORT, TIMED
from rig.sweep.records import SweepRecords

FORMAT = 2
MAX_FAILURES = 200  # on the page; sweep.json has all


def build(folder: Path) -> dict[str, Any]:
    """Write a sweep's sweep.json, its figures and index.html; return the summary."""
    records = SweepRecords(folder / "sweep.sqlite")
    try:
        summary = summarise(records)
        figures = _figures(records, summary)
    finally:
        records.close()
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    (folder / "sweep.json").write_text(text, encoding="utf-8")
    for name, figure in figures.items():
        (folder / f"{name}.svg").write_text(alone(figure), encoding="utf-8")
    edges = summary["timed"]["edges"] if "timed" in summary else None
    page = (
        environment()
        .get_template("sweep.html.j2")
        .render(
            summary=summary,
            figures=figures,
            good=GOOD,
            edges=edges_text(edges, summary["judged"]) if edges else "",
            shown=summary["failures"][:MAX_FAILURES],
            allure=(folder / "allure" / "index.html").exists(),
        )
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
    return summary


def _figures(records: SweepRecords, summary: dict[str, Any]) -> dict[str, str]:
    """Return the sweep's figures, SVG text, by the names of their files."""
    if "timed" in summary:
        return {"cuts": cuts_picture(summary["timed"])}
    operations = records.operations()
    recording = (records.sweep() or {})["recording"]
    return {
        "fault-map": fault_map(operations, records.points()),
        "journal": journal_timeline(operations, recording["times_s"], recording["heard"]),
    }


def summarise(records: SweepRecords) -> dict[str, Any]:
    """Return what docs/reference/sweep.schema.json describes."""
    sweep = records.sweep() or {}
    points = records.points()
    judged = [point for point in points if point["outcome"]]
    short = [point for point in judged if point["way"] == SHORT]
    failures = [point for point in judged if point["outcome"] not in {*GOOD, BENCH}]
    trials = counted(_trials(judged))
    operations = records.operations()
    timed = sweep["settings"]["kinds"] == [Kind.timed.value]
    return {
        "format": FORMAT,
        "settings": sweep["settings"],
        "journal_sha256": sweep["journal_sha256"],
        "operations": len(operations),
        "points": len(points),
        "judged": len(judged),
        "finished": records.is_finished(),
        "boots": sum(not point["shared"] for point in judged),
        "shared": sum(point["shared"] for point in judged),
        "wall_s": round(records.worked_s(), 1),
        "outcomes": counted(point["outcome"] for point in judged),
        "bench_failures": [
            {"plan": point["plan"], "way": point["way"], "error": point["record"].get("error")}
            for point in records.bench_failures()
        ],
        "trials": sum(trials.values()),
        "shares": shares(trials),
        "upper_bound": upper_bound(trials),
        "phases": _phases(operations, short),
        "long": _agreement(judged),
        "failures": [_failure(point) for point in failures],
        **({"timed": summarise_timed(records)} if timed else {}),
    }


def _trials(judged: list[dict[str, Any]]) -> list[str]:
    """Return the outcome of each trial that says something of its own.

    That is every cut by the clock; and every flash that was booted, once: points that leave the
    same flash are one trial, and a real cut repeats one.  The worse outcome of a flash counts.
    """
    kept = [point for point in judged if point["outcome"] != BENCH]
    short = [point for point in kept if point["way"] == SHORT]
    short.sort(key=lambda point: point["outcome"] not in GOOD)
    flashes = {point["flash"]: point["outcome"] for point in short}
    return [*flashes.values(), *(point["outcome"] for point in kept if point["way"] == TIMED)]


def _phases(operations: list[Any], short: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count outcomes by phase and partition, in the order of the run."""
    named = {item.number: (item.phase, item.partition) for item in operations}
    rows: dict[tuple[str, str], Counter[str]] = {key: Counter() for key in named.values()}
    sizes = Counter(named.values())
    for point in short:
        rows[named[point["number"]]][point["outcome"]] += 1
    return [
        {
            "phase": phase,
            "partition": partition,
            "operations": sizes[phase, partition],
            "outcomes": dict(sorted(counts.items())),
        }
        for (phase, partition), counts in rows.items()
    ]


def _agreement(judged: list[dict[str, Any]]) -> dict[str, Any]:
    """Hold the real cuts against the recalled ones."""
    short = {point["plan"]: point["record"] for point in judged if point["way"] == SHORT}
    long = [point for point in judged if point["way"] == LONG]
    differing = [
        point["plan"]
        for point in long
        if point["plan"] not in short or not agrees(point["record"], short[point["plan"]])
    ]
    return {"points": len(long), "differing": differing}


def agrees(long: dict[str, Any], short: dict[str, Any]) -> bool:
    """Tell whether the real cut left the recalled flash, and the board made the same of it."""
    keys = ("flash_sha256", "release", "outcome")
    return bool(long.get("flash_sha256")) and all(long[key] == short.get(key) for key in keys)


def _failure(point: dict[str, Any]) -> dict[str, Any]:
    record = point["record"]
    return {
        "plan": point["plan"],
        "way": point["way"],
        "outcome": point["outcome"],
        "key": record.get("key"),
        "flash_sha256": record.get("flash_sha256"),
        "flash_digest": point["flash"] if point["way"] == SHORT else None,
        "error": record.get("error"),
        "notes": record.get("notes") or [],
        "console": (record.get("console") or [])[-30:],
    }


def finish(folder: Path, *, allure: bool) -> dict[str, Any]:
    """Make the Allure report, the page again with its link, and say what there is."""
    from rig.report.allure import generate  # noqa: PLC0415 # only when a report is made

    def warn(text: str) -> None:
        sys.stderr.write(f"warning: {text}\n")

    if allure:
        generate(folder, warn)
    summary = build(folder)
    point_latest_to(folder, warn)
    show(summary, folder)
    return summary


def show(summary: dict[str, Any], folder: Path) -> None:
    """Print the sweep's counts."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    settings = summary["settings"]
    title = f"{settings['what']} {settings['old']} → {settings['new']}"
    table = Table(title=title, title_justify="left")
    timed = summary.get("timed")
    columns = ("phase", "seconds", "cuts") if timed else ("phase", "partition", "operations")
    for column in (*columns, "outcomes"):
        table.add_column(column)
    for row in timed["bands"] if timed else summary["phases"]:
        outcomes = " ".join(f"{name} {count}" for name, count in row["outcomes"].items())
        if timed:
            table.add_row(row["band"], f"{row['length_s']:.3f}", str(row["cuts"]), outcomes)
        else:
            table.add_row(row["phase"], row["partition"], str(row["operations"]), outcomes)
    console.print(table)
    outcomes = ", ".join(f"{name} {count}" for name, count in summary["outcomes"].items())
    bound = summary["upper_bound"]
    took = f" in {summary['wall_s']:.0f} s" if summary["wall_s"] else ""
    console.print(
        f"{summary['judged']} of {summary['points']} points judged with {summary['boots']} boots"
        f" ({summary['shared']} shared a flash){took}: {outcomes or 'none'}"
    )
    if bound is not None:
        trials = f"{summary['trials']} {'cuts' if timed else 'different flashes'}"
        console.print(
            f"failures {len(summary['failures'])}; were these {trials} drawn at random, fewer than"
            f" {bound:.3%} of all would fail (Clopper-Pearson, one-sided 95 %)"
        )
    long = summary["long"]
    if summary["bench_failures"]:
        count = len(summary["bench_failures"])
        console.print(f"the bench had failed at {count} points, which were then judged again")
    if timed:
        console.print(edges_text(timed["edges"], summary["judged"]))
    else:
        console.print(
            f"real cuts: {long['points']}, of which {len(long['differing'])} differ from the"
            " short way"
        )
    for failure in summary["failures"][:10]:
        console.print(f"  {failure['outcome']}: rig replay '{failure['key']}'", soft_wrap=True)
    console.print(f"report: {folder / 'index.html'}", soft_wrap=True)


def edges_text(edges: dict[str, Any], judged: int) -> str:
    """Say in a line how well the cuts' moments are known."""
    if not edges["measured"]:
        return "when the rail fell was not measured: the place has no supply"
    return (
        f"the rail's edge was measured at {edges['measured']} of {judged} cuts, to"
        f" ± {edges['uncertainty_s_max'] * 1e3:.1f} ms at worst; it came"
        f" {edges['late_s_median'] * 1e3:.1f} ms after the planned moment (median;"
        f" {edges['late_s_max'] * 1e3:.1f} ms at most)"
    )
