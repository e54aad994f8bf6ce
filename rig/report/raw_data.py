# SPDX-License-Identifier: MIT
"""A step's raw data: the file, the SHA-256 it had when it was written, and whether it still has."""

from pathlib import Path
from typing import Any

from rig.records.rows import sha256


def raw_data(name: str, recorded: dict[str, Any] | None, folder: Path) -> dict[str, Any]:
    """Compare a file with its row of `attachment`; `name` is the file as the step knows it.

    The state is `as recorded`, `changed`, `missing`, or `not recorded` when there is no row.
    """
    if recorded:
        path = Path(recorded["path"])
    else:
        path = Path(name)
        path = path.relative_to(folder) if path.is_relative_to(folder) else path
    return {
        "file": str(path),
        "sha256": recorded["sha256"] if recorded else None,
        "state": _state(folder / path, recorded),
    }


def _state(file: Path, recorded: dict[str, Any] | None) -> str:
    if not file.is_file():
        return "missing"
    if recorded is None:
        return "not recorded"
    return "as recorded" if sha256(file) == recorded["sha256"] else "changed"
