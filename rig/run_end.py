# SPDX-License-Identifier: MIT
"""What a run of pytest leaves, and where: for the command that started it, and for people."""

import datetime as dt
import itertools
from pathlib import Path

RECORD_TO = "WALNUT_RECORD_TO"  # environment: DSN of a lab's server that runs are copied to
ERROR_FILE = "error.json"  # the last error of the rig's own in a run
ON_FILE = "board-on.json"  # the same, of a board that nothing switched off


def new_folder(reports: Path, prefix: str = "") -> Path:
    """Make a folder of this moment's for a run's records; no two runs ever get the same."""
    stamp = prefix + dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H%M%SZ")
    reports.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = reports / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder.resolve()
    raise AssertionError
