# SPDX-License-Identifier: MIT
"""The end of a run in the terminal: a table, the repeated steps, where the page is."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rig.faults.expectations import PairVerdict
from rig.report.mismatch import MARKS, parts
from rig.report.page import measured, settled

STYLES = {"new": "green", "old": "green", "recovered": "yellow", "bench": "magenta"}


def show(folder: Path) -> str:
    """Print the run's table; return its verdict."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    table = Table(title=f"{summary['place']}: {summary['verdict']}", title_justify="left")
    outage = ("outage by traffic", "by counter", "views", "settled after")
    for column in ("step", "from → to", "outcome", *outage):
        table.add_column(column)
    for step in summary["steps"]:
        outage = step["outage"]
        style = STYLES.get(step["outcome"], "bold red")
        name = step["name"] if step["fault"] == "none" else f"{step['name']}\n{step['fault']}"
        table.add_row(
            name,
            f"{step['from'] or '?'} → {step['to'] or '?'}",
            f"[{style}]{step['outcome']}[/]",
            measured(outage["traffic"]),
            measured(outage["counter"]),
            outage["agreement"] or "-",
            settled(step["settle"]),
        )
    if summary["steps"] or not summary["pairs"]:
        console.print(table)
    if summary["pairs"]:
        _show_pairs(console, json.loads((folder / "mismatch.json").read_text(encoding="utf-8")))
    for row in summary["statistics"]:
        if row["trials"] > 1:
            reset = f", {row['reset']} reset" if row["reset"] else ""
            console.print(
                f"{row['from']} → {row['to']}{reset}, fault {row['fault']}, {row['view']}: "
                f"{row['trials']} trials, median {row['median_s']:.4f} s, "
                f"worst {row['worst_s']:.4f} s"
            )
    console.print(f"report: {folder / 'index.html'}", soft_wrap=True)
    return str(summary["verdict"])


def _show_pairs(console: Console, document: dict[str, Any]) -> None:
    """Print every pair that is not as expected, and how many are."""
    table = Table(title=f"{document['place']}: mismatch matrix", title_justify="left")
    for column in ("part", "combination", "expected", "seen", "verdict"):
        table.add_column(column)
    for part in parts(document["pairs"]):
        bad = [row for row in part["rows"] if row["verdict"] != PairVerdict.as_expected.value]
        shown = part["rows"] if part["name"] != "bundle" else bad
        for row in shown:
            style = "green" if row not in bad else "bold red"
            seen = "; ".join([row["seen"] or row["error"], *row["harm"]])
            mark = f"[{style}]{MARKS[row['verdict']]} {row['verdict']}[/]"
            table.add_row(part["name"], row["subject"], row["expected"], escape(seen), mark)
        if len(shown) < len(part["rows"]):
            good = f"{part['good']} of {len(part['rows'])}"
            table.add_row(part["name"], f"{good} bad bundles", "refused", "refused", "as expected")
    console.print(table)
    console.print(f"pairs: {document['counts']}; page: mismatch.html beside the report")
