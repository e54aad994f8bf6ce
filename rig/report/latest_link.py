# SPDX-License-Identifier: MIT
"""`reports/latest` leads to the newest run."""

import os
from collections.abc import Callable
from pathlib import Path


def point_latest_to(folder: Path, warn: Callable[[str], None]) -> None:
    """Make `latest` beside the run lead to it, in one rename."""
    link = folder.parent / "latest"
    fresh = folder.parent / f".latest-{os.getpid()}"
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder.name)
        fresh.replace(link)
    except OSError as error:
        warn(f"{link} could not be set: {error.strerror}")
