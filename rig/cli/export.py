# SPDX-License-Identifier: MIT
"""`rig export`: records for other programs."""

import argparse
from pathlib import Path

from rig.errors import GOOD

HELP = "records for other programs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    where = "file, folder of runs, postgresql://…"
    parser.add_argument("--results", required=True, metavar="WHERE", help=where)
    parser.add_argument("--format", required=True, help="parquet, csv or openmetrics")
    parser.add_argument("--to", type=Path, required=True, help="folder")


def run(arguments: argparse.Namespace) -> int:
    """Write records for other programs."""
    from rig.report.export import export  # noqa: PLC0415

    for path in export(arguments.results, arguments.format, arguments.to):
        print(path)  # noqa: T201
    return GOOD
