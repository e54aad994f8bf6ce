# SPDX-License-Identifier: MIT
"""`rig cycle`: upgrade and downgrade again and again, with a fault or without."""

import argparse
from typing import TYPE_CHECKING

from rig.cli import executor
from rig.errors import UsageError

if TYPE_CHECKING:
    from rig.place.file import PlaceFile

HELP = "upgrade and downgrade again and again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    executor.add_arguments(parser)
    executor.add_verified(parser)
    parser.add_argument("--from", dest="old", required=True, metavar="RELEASE")
    parser.add_argument("--to", dest="new", required=True, metavar="RELEASE")
    parser.add_argument("--cycles", type=int, default=1, metavar="N")
    parser.add_argument("--fault", default="none", metavar="PLAN", help="cut@op:700/torn:seed=1 …")


def run(arguments: argparse.Namespace) -> int:
    """Run the cycles; return the exit code."""
    place = _check(arguments)
    options = [f"--rig-from={arguments.old}", f"--rig-to={arguments.new}"]
    options += [f"--rig-cycles={arguments.cycles}", f"--rig-fault={arguments.fault}"]
    return executor.execute(
        "test_cycle.py", place, arguments, [*options, *executor.verified(place, arguments)]
    )


def _check(arguments: argparse.Namespace) -> "PlaceFile":
    """Read the place file; refuse at once what would fail after minutes."""
    from rig.board.catalogue import Catalogue  # noqa: PLC0415
    from rig.faults.plan import is_at_operation, parse  # noqa: PLC0415
    from rig.place.file import require  # noqa: PLC0415 # labgrid is slow

    plan = parse(arguments.fault)
    if arguments.cycles < 1:
        raise UsageError(f"--cycles is at least 1, not {arguments.cycles}")
    place = require(arguments.place)
    if is_at_operation(plan):
        why = f"{plan} is at a flash operation; cut@mark:… works without"
        place.need_instrument("interposer", why)
    catalogue = Catalogue.load(place.firmware_index)
    for name in (arguments.old, arguments.new):
        catalogue.release(name)
    return place
