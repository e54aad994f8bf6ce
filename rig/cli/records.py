# SPDX-License-Identifier: MIT
"""`rig history`, `rig gate`, `rig export` and `rig record`: commands over records, no board."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rig.cli.pytest_run import BENCH, GOOD, PRODUCT
from rig.errors import UsageError

if TYPE_CHECKING:
    from rig.nights.night import Night
    from rig.nights.regression import Judgement

BASELINE = 10
PAGE = "history.html"
PLACE_FILES = {".yaml", ".yml"}


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the four commands' options."""
    history = add("history", help="how each figure went over the nights")
    gate = add("gate", help="did the newest run get worse than those before?")
    for command in (history, gate):
        where = "files, folders of runs, postgresql://…"
        command.add_argument("--results", nargs="+", required=True, metavar="WHERE", help=where)
        command.add_argument(
            "--place", default="", help="place file, or its name (default: the newest run's)"
        )
        command.add_argument("--since", default="", metavar="DATE", help="leave out older runs")
        text = "leave out a run, by the start of its id"
        command.add_argument("--without", nargs="+", default=[], metavar="RUN", help=text)
        command.add_argument("--to", type=Path, help=f"folder for {PAGE}")
        command.add_argument(
            "--alpha",
            type=float,
            default=0.05,
            help="chance of a false alarm in ten nights in a row (default 0.05)",
        )
    gate.add_argument(
        "--baseline", type=int, default=BASELINE, metavar="N", help=f"runs (default {BASELINE})"
    )
    export = add("export", help="records for other programs")
    where = "file, folder of runs, postgresql://…"
    export.add_argument("--results", required=True, metavar="WHERE", help=where)
    export.add_argument("--format", required=True, help="parquet, csv or openmetrics")
    export.add_argument("--to", type=Path, required=True, help="folder")
    record = add("record", help="copy a run's records to a lab's server")
    record.add_argument("results", type=Path, help="results.sqlite of a run")
    record.add_argument("--to", required=True, metavar="DSN", help="postgresql://USER@HOST/NAME")


def history(arguments: argparse.Namespace) -> int:
    """Show every night, and since when which figure is worse; judges nothing."""
    from rig.nights.regression import BASELINE_MIN, judge  # noqa: PLC0415 # scipy is slow to import

    found, undated = _nights(arguments)
    enough = len(found) > BASELINE_MIN
    judgement = judge(found, arguments.alpha, undated) if enough else None
    _show(arguments.to or Path.cwd(), found, undated, judgement)
    return GOOD


def gate(arguments: argparse.Namespace) -> int:
    """Judge the newest run; the exit code says who must act."""
    from rig.nights.regression import BASELINE_MIN, judge  # noqa: PLC0415

    if arguments.baseline < BASELINE_MIN:
        raise UsageError(f"--baseline is at least {BASELINE_MIN} runs, not {arguments.baseline}")
    found, undated = _nights(arguments)
    found = found[-arguments.baseline - 1 :]
    judgement = judge(found, arguments.alpha, undated)
    _show(arguments.to, found, undated, judgement)
    return {"good": GOOD, "product": PRODUCT, "bench": BENCH}[judgement.verdict]


def _nights(arguments: argparse.Namespace) -> "tuple[list[Night], list[Night]]":
    from rig.nights.history import nights  # noqa: PLC0415

    place = _name(arguments.place)
    return nights(arguments.results, place=place, since=arguments.since, without=arguments.without)


def _name(place: str) -> str:
    """Return the name that a place has in records: its file's, without the ending."""
    return Path(place).stem if Path(place).suffix in PLACE_FILES else place


def _show(
    folder: Path | None,
    found: "list[Night]",
    undated: "list[Night]",
    judgement: "Judgement | None",
) -> None:
    from rig.report.history import tell, write_history  # noqa: PLC0415 # matplotlib is slow

    tell(found, undated, judgement)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_history(folder / PAGE, found, undated, judgement)
        print(f"page: {folder / PAGE}")  # noqa: T201


def export(arguments: argparse.Namespace) -> int:
    """Write records for other programs."""
    from rig.report.export import export as write  # noqa: PLC0415

    for path in write(arguments.results, arguments.format, arguments.to):
        print(path)  # noqa: T201
    return GOOD


def record(arguments: argparse.Namespace) -> int:
    """Bring what a server lacks of a file's runs."""
    from rig.records import Database  # noqa: PLC0415
    from rig.records.copies import copy_run  # noqa: PLC0415
    from rig.records.run import open_records, runs  # noqa: PLC0415

    source = open_records(arguments.results)
    try:
        target = Database.open(arguments.to)
        try:
            for run in runs(source):
                added = copy_run(source, run["id"], target)
                print(f"{run['id'][:12]} ({run['place']}): {added} rows")  # noqa: T201
        finally:
            target.close()
    finally:
        source.close()
    return GOOD
