# SPDX-License-Identifier: MIT
"""`rig report`: makes the reports of a run again."""

import argparse
from pathlib import Path

from rig.cli import executor

HELP = "make the reports of a run again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("folder", type=Path)


def run(arguments: argparse.Namespace) -> int:
    """Make them; the exit code is the run's."""
    return executor.BY_VERDICT[executor.report(arguments.folder.resolve(), allure=True)]
