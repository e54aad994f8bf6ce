# SPDX-License-Identifier: MIT
"""`rig doctor`: checks this computer and places."""

import argparse
from pathlib import Path

from rig.errors import BENCH, GOOD, USAGE

HELP = "check this computer and a place"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--place", type=Path, action="append", default=[], help="place file")
    parser.add_argument("--offline", action="store_true", help="ask no equipment")


def run(arguments: argparse.Namespace) -> int:
    """Check; the exit code says who must act."""
    from rig.place.computer import Wanted  # noqa: PLC0415
    from rig.place.doctor import examine  # noqa: PLC0415 # labgrid is slow to import
    from rig.place.file import check  # noqa: PLC0415
    from rig.virtual import commands, control, endpoints  # noqa: PLC0415
    from rig.virtual.board import board  # noqa: PLC0415

    first = endpoints.Endpoints(1, Path())
    wanted = Wanted(
        tools=board.TOOLS,
        tcp=first.tcp_ports,
        udp=first.udp_ports,
        up=not arguments.place and control.is_up(control.default_state()),
        index=commands.INDEX,
    )
    if examine(arguments.place, wanted, offline=arguments.offline):
        return GOOD
    return USAGE if any(check(path) for path in arguments.place) else BENCH
