# SPDX-License-Identifier: MIT
"""`rig verify-measurement`: has pytest verify a place's instruments, and shows the table."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rig.cli import pytest_run
from rig.errors import GOOD, INTERRUPTED, OURS, UsageError
from rig.verification.interruptions import Settings

HELP = "measure interruptions of known length, and judge the instruments"
RECORD = "verification.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `rig verify-measurement` to its parser."""
    default = Settings()
    parser.add_argument("--place", type=Path, required=True, help="place file")
    parser.add_argument("--gaps", type=int, default=default.gaps, help="default %(default)s")
    parser.add_argument("--from-s", type=float, default=default.from_s, help="default %(default)s")
    parser.add_argument("--to-s", type=float, default=default.to_s, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=default.seed, help="default %(default)s")
    parser.add_argument("--report", type=Path, help="folder (default reports/<time>)")
    parser.add_argument(
        "--scale-uncertainty",
        dest="scale",
        type=float,
        default=default.scale,
        metavar="X",
        help="self-test: judge as if only X of each uncertainty had been stated; keeps no record",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run it; return the exit code."""
    from rig.place.file import require  # noqa: PLC0415 # labgrid is slow to import
    from rig.report.verification import show  # noqa: PLC0415

    settings = Settings(
        gaps=arguments.gaps,
        from_s=arguments.from_s,
        to_s=arguments.to_s,
        seed=arguments.seed,
        scale=arguments.scale,
    )
    settings.check()
    place = require(arguments.place)
    if not place.instruments & {"interrupter", "generator"}:
        raise UsageError(
            f"{arguments.place} has neither interrupter nor generator among the drivers of its"
            " bench: nothing there makes interruptions of known length"
            " (docs/reference/interrupter.md)"
        )
    folder = (arguments.report or pytest_run.new_folder()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    pytest_run.forget(folder)
    words = [f"--rig-verify={json.dumps(asdict(settings))}", *pytest_run.with_records(folder)]
    command = pytest_run.command(["test_verification.py"], arguments.place, folder, words)
    code = pytest_run.wait(pytest_run.start(command))
    if (folder / RECORD).exists():
        show(folder / RECORD)
    return pytest_run.ends(folder, _ended(folder, code))


def _ended(folder: Path, code: int) -> int:
    if code in {GOOD, pytest_run.PYTEST_INTERRUPTED}:
        return INTERRUPTED if code else GOOD
    told = pytest_run.told(folder)
    return told[0] if told else OURS
