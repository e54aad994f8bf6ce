# SPDX-License-Identifier: MIT
"""`rig bench`: the virtual bench, the only command that may know of it beside `rig doctor`."""

import argparse

HELP = "the virtual bench"


def parse(words: list[str]) -> argparse.Namespace:
    """Read the words after `rig bench`."""
    from rig.virtual import commands  # noqa: PLC0415 # slow to import

    parser = argparse.ArgumentParser(prog="rig bench", description=commands.__doc__)
    commands.add_arguments(parser)
    return parser.parse_args(words)


def run(arguments: argparse.Namespace) -> int:
    """Do it; return the exit code."""
    from rig.virtual import commands  # noqa: PLC0415

    return commands.main(arguments)
