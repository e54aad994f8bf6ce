# SPDX-License-Identifier: MIT
"""`rig rescue`: programs a dead board and proves that it boots."""

import argparse
from pathlib import Path

from rig.errors import GOOD

HELP = "program a dead board and prove that it boots"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--place", type=Path, required=True, help="place file")
    parser.add_argument("--release", help="default: the first one that was built")


def run(arguments: argparse.Namespace) -> int:
    """Program the golden flash through the interposer; the board is left off."""
    from rig.place.place import Place  # noqa: PLC0415 # labgrid is slow to import

    with Place.open(arguments.place) as place:
        release = place.catalogue.release(arguments.release or next(iter(place.catalogue.releases)))
        written = place.rescue(release)
        print(f"{place.name}: {written / 1024:.0f} KiB written, boots {release}")  # noqa: T201
    return GOOD
