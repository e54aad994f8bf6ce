# SPDX-License-Identifier: MIT
"""Has pytest run a module of tests/board for a command, and makes the run's reports."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rig.cli import pytest_run
from rig.errors import BENCH, GOOD, INTERRUPTED, OURS, PRODUCT, USAGE
from rig.run_end import RECORD_TO

if TYPE_CHECKING:
    from rig.place.file import PlaceFile

BY_VERDICT = {"good": GOOD, "product": PRODUCT, "bench": BENCH, "empty": BENCH}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every such command takes."""
    parser.add_argument("--place", type=Path, required=True, help="place file")
    parser.add_argument("--report", type=Path, help="folder (default reports/<time>)")
    parser.add_argument("--no-allure", action="store_true", help="skip the Allure report")
    parser.add_argument("--record-to", metavar="DSN", help=f"or ${RECORD_TO}")


def add_verified(parser: argparse.ArgumentParser) -> None:
    """Add what a command takes whose numbers may be asked to be verified."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--require-verified",
        action="store_true",
        help="refuse a place whose last verify-measurement is missing, partial, old or failed",
    )
    group.add_argument(
        "--unverified",
        action="store_true",
        help="run all the same where the place file says `require_verified: true`",
    )


def verified(place: "PlaceFile", arguments: argparse.Namespace) -> list[str]:
    """Refuse a place at once that is not verified, if call or place ask for that.

    Return pytest's option.  The instruments' identities are compared later, once they have been
    asked.
    """
    from rig.clock import wall_time_s  # noqa: PLC0415
    from rig.verification import last_record  # noqa: PLC0415 # labgrid is slow to import

    asked = arguments.require_verified or last_record.is_required(place)
    if arguments.unverified or not asked:
        return []
    standing = last_record.of_place(place, now_s=wall_time_s())
    last_record.require(place.path, standing)
    return ["--rig-require-verified"]


def execute(
    module: str, place: "PlaceFile", arguments: argparse.Namespace, options: list[str]
) -> int:
    """Run a module of tests/board, and make its reports."""
    folder = (arguments.report or pytest_run.new_folder()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    pytest_run.forget(folder)
    words = [*options, *pytest_run.with_records(folder)]
    if arguments.record_to:  # no option of pytest's: those are recorded; a DSN may hold a secret
        os.environ[RECORD_TO] = arguments.record_to
    code = pytest_run.wait(
        pytest_run.start(pytest_run.command([module], place.path, folder, words))
    )
    return pytest_run.ends(folder, _ended(folder, code, allure=not arguments.no_allure))


def ended_own(folder: Path, code: int, arguments: argparse.Namespace) -> int:
    """Make the reports of somebody's own tests, in which there may be no step; return the code."""
    return pytest_run.ends(folder, _ended_own(folder, code, allure=not arguments.no_allure))


def _ended_own(folder: Path, code: int, *, allure: bool) -> int:
    if code in {
        pytest_run.PYTEST_USAGE,
        pytest_run.PYTEST_NO_TESTS,
        pytest_run.PYTEST_UNREADABLE,
    }:
        return USAGE
    verdict = GOOD
    if (folder / "results.sqlite").exists():
        word = report(folder, allure=allure)
        verdict = GOOD if word == "empty" else BY_VERDICT[word]
    if code == pytest_run.PYTEST_INTERRUPTED:
        # It is pytest's code for a file that cannot be read, too: then nothing has run.
        told = _told_by_run(folder, INTERRUPTED)
        is_unread = told == USAGE and not (folder / "results.sqlite").exists()
        return USAGE if is_unread else INTERRUPTED
    # A product's failure in one test counts for more than the bench's in another.
    counts_more = pytest_run.told(folder) or (verdict, "")
    if code == 0 or (verdict != GOOD and counts_more[0] != PRODUCT):
        return verdict
    return _told_by_run(folder, PRODUCT if code == pytest_run.PYTEST_FAILED else OURS)


def _ended(folder: Path, code: int, *, allure: bool) -> int:
    """Make the reports of a run that pytest ended on `code`; return the command's exit code."""
    if code == pytest_run.PYTEST_USAGE:
        return USAGE
    if not (folder / "results.sqlite").exists():
        return INTERRUPTED if code == pytest_run.PYTEST_INTERRUPTED else _told_by_run(folder, OURS)
    word = report(folder, allure=allure)
    if code == pytest_run.PYTEST_INTERRUPTED:
        _told_by_run(folder, INTERRUPTED)  # what failed while it was put in order
        return INTERRUPTED
    if code == 0 or word not in {"good", "empty"}:
        return BY_VERDICT[word]
    # It did so although every step was good, or there was none.
    failed = PRODUCT if word == "good" else BENCH
    return _told_by_run(folder, failed if code == pytest_run.PYTEST_FAILED else OURS)


def _told_by_run(folder: Path, otherwise: int) -> int:
    """Say the run's own error; return its exit code, or `otherwise` when there is none."""
    told = pytest_run.told(folder)
    if told is None:
        return otherwise
    print(told[1], file=sys.stderr)  # noqa: T201
    return told[0]


def report(folder: Path, *, allure: bool) -> str:
    """Make a run's reports, show its table, and return its verdict."""
    from rig.report.build import build  # noqa: PLC0415
    from rig.report.terminal import show  # noqa: PLC0415

    def warn(text: str) -> None:
        print(f"warning: {text}", file=sys.stderr)  # noqa: T201

    build(folder, warn, allure=allure)
    return show(folder)
