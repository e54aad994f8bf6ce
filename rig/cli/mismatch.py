# SPDX-License-Identifier: MIT
"""`rig mismatch`: offers the board all that does not fit."""

import argparse

from rig.cli import executor

HELP = "offer the board all that does not fit"
MISMATCH_RATE_HZ = 200.0  # whether the service was touched, not for how many milliseconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--only", default="", metavar="WORDS", help="as pytest's -k: bundle …")
    executor.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the matrix; return the exit code."""
    from rig.place.file import require  # noqa: PLC0415 # labgrid is slow

    place = require(arguments.place)
    why = "what does not fit is written into the flash behind the updater's back"
    place.need_instrument("interposer", why)
    options = [f"--rig-rate={MISMATCH_RATE_HZ}", "-k", arguments.only]
    return executor.execute("test_mismatch.py", place, arguments, options)
