# SPDX-License-Identifier: MIT
"""`rig history`: how each figure went over the nights; judges nothing."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rig.errors import GOOD

if TYPE_CHECKING:
    from rig.nights.night import Night
    from rig.nights.regression import Judgement

HELP = "how each figure went over the nights"
PAGE = "history.html"
PLACE_FILES = {".yaml", ".yml"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options; `rig gate` has them, too."""
    where = "files, folders of runs, postgresql://…"
    parser.add_argument("--results", nargs="+", required=True, metavar="WHERE", help=where)
    parser.add_argument(
        "--place", default="", help="place file, or its name (default: the newest run's)"
    )
    parser.add_argument("--since", default="", metavar="DATE", help="leave out older runs")
    text = "leave out a run, by the start of its id"
    parser.add_argument("--without", nargs="+", default=[], metavar="RUN", help=text)
    parser.add_argument("--to", type=Path, help=f"folder for {PAGE}")
    parser.add_argument(
        "--alpha",
        type=float,
        default=0.05,
        help="chance of a false alarm in ten nights in a row (default 0.05)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Show every night, and since when which figure is worse; judges nothing."""
    from rig.nights.regression import BASELINE_MIN, judge_nights  # noqa: PLC0415 # scipy is slow to import

    found, undated = nights_of(arguments)
    enough = len(found) > BASELINE_MIN
    judgement = judge_nights(found, arguments.alpha, undated) if enough else None
    show(arguments.to or Path.cwd(), found, undated, judgement)
    return GOOD


def nights_of(arguments: argparse.Namespace) -> "tuple[list[Night], list[Night]]":
    """Return the nights that are asked for, and those without a date."""
    from rig.nights.history import nights  # noqa: PLC0415

    place = _name(arguments.place)
    return nights(arguments.results, place=place, since=arguments.since, without=arguments.without)


def _name(place: str) -> str:
    """Return the name that a place has in records: its file's, without the ending."""
    return Path(place).stem if Path(place).suffix in PLACE_FILES else place


def show(
    folder: Path | None,
    found: "list[Night]",
    undated: "list[Night]",
    judgement: "Judgement | None",
) -> None:
    """Say what was found; with `folder` a page is left there."""
    from rig.report.history import tell, write_history  # noqa: PLC0415 # matplotlib is slow

    tell(found, undated, judgement)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_history(folder / PAGE, found, undated, judgement)
        print(f"page: {folder / PAGE}")  # noqa: T201
