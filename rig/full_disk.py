# SPDX-License-Identifier: MIT
"""A disk that takes no more: the lab's to mend, not a failure of the board or of the rig."""

import errno
from pathlib import Path

from rig.errors import BenchError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def full(error: OSError, folder: Path) -> BenchError | None:
    """Return the error that says which disk to free; None: `error` is about something else.

    `folder` is where the records go: a write that fails does not always name its file.
    """
    if error.errno not in FULL:
        return None
    path = Path(error.filename) if isinstance(error.filename, str) else folder
    return BenchError(
        f"{path} could not be written ({error.strerror}): free the disk at {_mount(path)} and give"
        " the same command again; what was recorded stays, and a sweep goes on where it was"
    )


def _mount(path: Path) -> Path:
    """Return the directory at which the path's file system is mounted."""
    folder = path.resolve()
    while not folder.is_mount():
        folder = folder.parent
    return folder
