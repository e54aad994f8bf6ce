# SPDX-License-Identifier: MIT
"""`rig demo`: what the rig can do, on one place."""

import argparse

from rig.cli import executor

HELP = "show what the rig can do, on one place"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    executor.add_arguments(parser)
    executor.add_verified(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run it; return the exit code."""
    from rig.place.file import require  # noqa: PLC0415 # labgrid is slow

    place = require(arguments.place)
    return executor.execute("test_demo.py", place, arguments, executor.verified(place, arguments))
