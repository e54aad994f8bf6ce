# SPDX-License-Identifier: MIT
"""One run at a time on a place: a lock that goes with the process that holds it.

labgrid's coordinator locks places for a lab; this one is for a place file without a coordinator,
and keeps two runs on this computer off each other's console.
"""

import fcntl
import os
import re
import sys
from pathlib import Path

from rig import state_folder
from rig.errors import BenchError
from rig.secrecy import hide


class PlaceLock:
    """Held from its making to `release`, or the end of the process.

    Args:
        console: where the board's console is: that is what a place is on this computer.
    """

    def __init__(self, name: str, console: str) -> None:
        folder = state_folder.folder("locks")
        path = folder / f"{re.sub(r'[^A-Za-z0-9.]+', '-', console)[-150:]}.lock"
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._handle, 200).decode(errors="replace").strip()
            os.close(self._handle)
            raise BenchError(
                f"place {name} (console {console}) is in use by {holder}: wait for it, or end it"
            ) from error
        os.ftruncate(self._handle, 0)
        words = hide(" ".join([Path(sys.argv[0]).name, *sys.argv[1:]]))[:150]
        os.write(self._handle, f"process {os.getpid()} ({words})\n".encode())

    @property
    def handle(self) -> int:
        """A descriptor that holds the lock, too, in whichever process it is open."""
        return self._handle

    def release(self) -> None:
        os.close(self._handle)
