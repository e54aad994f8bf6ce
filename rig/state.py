# SPDX-License-Identifier: MIT
"""Where this computer keeps what the rig must remember between runs: `$XDG_STATE_HOME`."""

import os
from pathlib import Path


def folder(name: str) -> Path:
    """Return a folder of the rig's own; it is made if it is not there."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(home) / "walnut-rig" / name
    path.mkdir(parents=True, exist_ok=True)
    return path
