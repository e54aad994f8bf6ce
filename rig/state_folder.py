# SPDX-License-Identifier: MIT
"""Where this computer keeps what the rig must remember between runs: `$XDG_STATE_HOME`."""

import os
from pathlib import Path

from rig.errors import BenchError, UsageError


def home() -> Path:
    """Return where programs of this user keep their state.

    Raises:
        UsageError: nobody says where: a service account or a container's user without HOME.
    """
    return _base("XDG_STATE_HOME", Path(".local", "state"))


def cache() -> Path:
    """Return where programs of this user keep what they can make again; UsageError as `home`."""
    return _base("XDG_CACHE_HOME", Path(".cache"))


def _base(variable: str, below_home: Path) -> Path:
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():  # XDG Base Directory Specification: any other is to be ignored
        return named
    try:
        return Path.home() / below_home
    except RuntimeError as error:
        raise UsageError(
            f"this user has no home: have HOME or {variable} name a folder that you may write"
        ) from error


def folder(name: str) -> Path:
    """Return a folder of the rig's own; it is made if it is not there.

    Raises:
        UsageError: there is no home.
        BenchError: it cannot be made.
    """
    path = home() / "walnut-rig" / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(
            f"{path} cannot be made ({error.strerror}): have HOME or XDG_STATE_HOME name a folder"
            " that you may write"
        ) from error
    return path
