# SPDX-License-Identifier: MIT
"""A folder's other name: short, and without what QEMU's options would take apart.

The path of a Unix socket has 107 bytes (unix(7)), and a build server's workspace alone may have
more; a comma in it ends an option of QEMU's.  Linux has each open folder under its number, too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


@cache
def short(folder: Path) -> Path:
    """Return a name that this process and its children may use as long as it lives."""
    return _named(_open(folder))


@contextmanager
def shortly(folder: Path) -> Iterator[Path]:
    """Give such a name for a moment; OSError if the folder is not there."""
    handle = _open(folder)
    try:
        yield _named(handle)
    finally:
        os.close(handle)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _named(handle: int) -> Path:
    return Path(f"/proc/{os.getpid()}/fd/{handle}")
