# SPDX-License-Identifier: MIT
"""A run of its own process group that has its board on, to be killed."""

import subprocess
import sys
from pathlib import Path

PROMISE_S = 5.0  # docs/explanation/how-a-run-ends.md; it takes 0.1 s, with a coordinator 0.7 s
OFF_LIMIT_S = 30.0  # where a plug has to be asked again
RUN = """
import sys
from pathlib import Path
from rig.place.place import Place

with Place.open(Path(sys.argv[1])) as place:
    place.strategy.target.activate(place.power)
    place.power.on()
    print(place._guard.number, flush=True)
    sys.stdin.read()
"""


class Run:
    """A run of its own process group, with its board on."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        self.guard = int(self.process.stdout.readline())

    def said(self) -> str:
        """Return what run and guard said, when both are gone."""
        return self.process.communicate(timeout=OFF_LIMIT_S)[1]
