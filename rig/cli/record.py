# SPDX-License-Identifier: MIT
"""`rig record`: copies a run's records to a lab's server."""

import argparse
from pathlib import Path

from rig.errors import GOOD

HELP = "copy a run's records to a lab's server"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("results", type=Path, help="results.sqlite of a run")
    parser.add_argument("--to", required=True, metavar="DSN", help="postgresql://USER@HOST/NAME")


def run(arguments: argparse.Namespace) -> int:
    """Bring what a server lacks of a file's runs."""
    from rig.records import Database  # noqa: PLC0415
    from rig.records.copies import copy_run  # noqa: PLC0415
    from rig.records.run import open_records, runs  # noqa: PLC0415

    source = open_records(arguments.results)
    try:
        target = Database.open(arguments.to)
        try:
            for run in runs(source):
                added = copy_run(source, run["id"], target)
                print(f"{run['id'][:12]} ({run['place']}): {added} rows")  # noqa: T201
        finally:
            target.close()
    finally:
        source.close()
    return GOOD
