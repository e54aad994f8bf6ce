# SPDX-License-Identifier: MIT
"""A verification in the terminal: bias, spread and real coverage of each view and decade."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

STYLES = {"passed": "green", "failed": "bold red", "unclear": "yellow"}
COLUMNS = (
    *("view", "lengths", "measured", "bias", "spread", "worst", "stated ±", "reference ±"),
    *("coverage of 95 %", "no loss: true"),
)


def show(path: Path) -> None:
    """Print the record's table and verdict."""
    record = json.loads(path.read_text(encoding="utf-8"))
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    table = Table(
        title=f"{record['place']}: stated uncertainty against known interruptions (ms)",
        title_justify="left",
    )
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in {"view", "lengths"} else "right")
    for row in record["rows"]:
        table.add_row(*_cells(row), end_section=row["lengths"] == "all")
    console.print(table)
    verdict = record["verdict"]
    console.print(f"[{STYLES[verdict]}]{verdict}[/]; seed {record['settings']['seed']}")
    for reason in record["reasons"]:
        console.print(f"  {reason}", markup=False)
    console.print(f"record: {path}", soft_wrap=True, markup=False)


def _cells(row: dict[str, Any]) -> list[str]:
    def ms(name: str, sign: str = "") -> str:
        value = row[name]
        return "-" if value is None else f"{value * 1e3:{sign}.3f}"

    coverage = "-"
    if row["coverage"] is not None:
        bounds = f"{row['coverage_low']:.1%} … {row['coverage_high']:.1%}"
        coverage = f"{row['covered']}/{row['measured']} = {row['coverage']:.1%} ({bounds})"
    return [
        *(row["view"], row["lengths"], str(row["measured"])),
        *(ms("bias_s", "+"), ms("spread_s"), ms("largest_error_s")),
        *(ms("uncertainty_s"), ms("reference_s"), coverage),
        f"{row['no_loss_true']}/{row['no_loss']}" if row["no_loss"] else "-",
    ]
