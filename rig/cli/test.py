# SPDX-License-Identifier: MIT
"""`rig test`: somebody's own tests on a place, with records, console logs and reports."""

import argparse
import os
from pathlib import Path

from rig.cli import executor, pytest_run
from rig.errors import UsageError
from rig.run_end import RECORD_TO, new_folder

HELP = "run tests of your own on a place"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("tests", nargs="+", metavar="FILE", help="or FILE::TEST, as pytest has it")
    executor.add_arguments(parser)
    parser.add_argument(
        "--from", dest="old", metavar="RELEASE", help="that the board starts from (default 1.0.0)"
    )
    parser.add_argument("--key", default="", help="make one cut again, that of this replay key")


def run(arguments: argparse.Namespace) -> int:
    """Run the tests; return the exit code."""
    from rig.place.file import require  # noqa: PLC0415 # labgrid is slow to import

    for test in arguments.tests:
        file = Path(test.partition("::")[0])
        if not file.exists():
            raise UsageError(f"{file} is not there")
    if arguments.key and "/test/" not in arguments.key:
        raise UsageError(f"{arguments.key!r} is not a key of a test: try `rig replay`")
    require(arguments.place)
    folder = (arguments.report or new_folder(Path("reports"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    pytest_run.forget(folder)
    if arguments.record_to:
        os.environ[RECORD_TO] = arguments.record_to
    options = ["--rig-own-tests", f"--rig-key={arguments.key}"]
    options += [f"--rig-from={arguments.old}"] if arguments.old else []
    options += pytest_run.with_records(folder)
    words = pytest_run.own_command(arguments.tests, arguments.place, folder, options)
    code = pytest_run.wait(pytest_run.start(words, cwd=Path.cwd()))
    return executor.ended_own(folder, code, arguments)
