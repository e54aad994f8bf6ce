# SPDX-License-Identifier: MIT
"""The end of a run in the terminal: a table, the repeated steps, where the page is."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rig.report.page import measured

STYLES = {"new": "green", "old": "green", "recovered": "yellow", "bench": "magenta"}


def show(folder: Path) -> str:
    """Print the run's table; return its verdict."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    table = Table(title=f"{summary['place']}: {summary['verdict']}", title_justify="left")
    for column in ("step", "from → to", "outcome", "outage by traffic", "by counter", "views"):
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
        )
    console.print(table)
    for row in summary["statistics"]:
        if row["trials"] > 1:
            console.print(
                f"{row['from']} → {row['to']}, fault {row['fault']}, {row['view']}: "
                f"{row['trials']} trials, median {row['median_s']:.4f} s, "
                f"worst {row['worst_s']:.4f} s"
            )
    console.print(f"report: {folder / 'index.html'}", soft_wrap=True)
    return str(summary["verdict"])
