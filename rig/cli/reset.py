# SPDX-License-Identifier: MIT
"""`rig reset`: resets process, system and power, as RFC 6201 has them."""

import argparse
import json

from rig.cli import executor
from rig.errors import UsageError

HELP = "reset process, system and power (RFC 6201)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    text = "that runs meanwhile; default: the first that was built"
    parser.add_argument("--release", help=text)
    parser.add_argument("--what", default="process,os,power", help="of process,os,power")
    parser.add_argument("--trials", type=int, default=20, metavar="N", help="of each (default 20)")
    parser.add_argument("--off-s", type=float, default=15.0, help="power is gone for (default 15)")
    parser.add_argument("--steady-s", type=float, default=15.0, help="good service before each")
    executor.add_arguments(parser)
    executor.add_verified(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the resets; return the exit code."""
    from rig.board.catalogue import Catalogue  # noqa: PLC0415
    from rig.campaign.reset import Reset  # noqa: PLC0415
    from rig.place.file import require  # noqa: PLC0415 # labgrid is slow

    known = [what.value for what in Reset]
    chosen = arguments.what.split(",")
    if unknown := [what for what in chosen if what not in known]:
        raise UsageError(f"--what: {unknown[0]!r} is none of {', '.join(known)}")
    if arguments.trials < 1 or arguments.off_s < 0 or arguments.steady_s < 0:
        raise UsageError("--trials is at least 1, and no time is negative")
    place = require(arguments.place)
    catalogue = Catalogue.load(place.firmware_index)
    release = catalogue.release(arguments.release or next(iter(catalogue.releases)))
    settings = {
        "what": [what for what in known if what in chosen],
        "trials": arguments.trials,
        "off_s": arguments.off_s,
        "steady_s": arguments.steady_s,
    }
    options = [f"--rig-from={release}", f"--rig-resets={json.dumps(settings)}"]
    return executor.execute(
        "test_reset.py", place, arguments, [*options, *executor.verified(place, arguments)]
    )
