# SPDX-License-Identifier: MIT
"""Every report of a run, made from its records."""

from collections.abc import Callable
from pathlib import Path

from rig.nights.history import night_of
from rig.records.run import Results
from rig.report import mismatch, rfc
from rig.report.latest_link import point_latest_to
from rig.report.summary import summarise, write_summary


def build(
    folder: Path,
    warn: Callable[[str], None],
    *,
    allure: bool = True,
    where: Path | str = "",
    run: str = "",
) -> None:
    """Write every report of the run in `folder`; `warn` hears what could not be made.

    The records are the folder's own, or those of `run` in `where` (a file or a DSN).

    Raises:
        UsageError: there is no run in `folder`.
    """
    from rig.report.allure import generate  # noqa: PLC0415 # only when a report is made
    from rig.report.page import write_page  # noqa: PLC0415 # matplotlib is slow to import

    results = Results.open(where or folder / "results.sqlite", run)
    try:
        summary, pairs = summarise(results), results.pairs()
        night = night_of(results.database, results.run())
    finally:
        results.close()
    write_summary(folder / "summary.json", summary)
    if pairs:
        document = mismatch.table(summary, pairs)
        write_summary(folder / "mismatch.json", document)
        mismatch.write_page(folder / "mismatch.html", document)
    reports = rfc.write(folder, summary)
    made = allure and generate(folder, warn, night)
    write_page(folder / "index.html", summary, allure=made, reports=reports, records=results.folder)
    point_latest_to(folder, warn)
