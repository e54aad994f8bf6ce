# SPDX-License-Identifier: MIT
"""A virtual bench of the tests' own, on ports that `rig bench up` does not use."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.board.catalogue import Catalogue
from rig.place.place import Place
from rig.virtual import control
from rig.virtual.endpoints import Endpoints

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "firmware" / "out" / "index.json"
# Side by side (pytest-xdist) each worker has boards, and so ports and folders, of its own.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def numbered(board: int) -> int:
    """Return this worker's own number for the tests' board `board`."""
    return board + 10 * WORKER


BOARD = numbered(12)
FIRST_BASE = 29100


class Bench:
    """One bench with one board; `fault` is the bench's own control channel."""

    def __init__(self, state: Path, board: int = BOARD) -> None:
        self.state = state
        self.number = board
        self.golden = Catalogue.load(INDEX).release("1.0.0").golden

    def up(self, *models: str) -> None:
        control.start(
            self.state, self.golden, boards=1, first_board=self.number, tied=True, models=models
        )

    @property
    def board(self) -> dict[str, Any]:
        """The board's entry of `rig bench status --json`."""
        board: dict[str, Any] = control.ask(self.state, {"do": "status"})["boards"][0]
        return board

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.number, self.state / f"walnut-virtual-{self.number}")

    def fault(self, name: str, value: object = 1) -> None:
        control.ask(self.state, {"do": "fault", "name": name, "value": str(value)})

    def place_file(self, folder: Path, *changes: tuple[str, str]) -> Path:
        """Write places/virtual.yaml with this bench's ports, and other changes of its text."""
        text = (ROOT / "places" / "virtual.yaml").read_text()
        base = self.endpoints.base
        for offset in range(1, 11):
            text = text.replace(str(FIRST_BASE + offset), str(base + offset))
        text = text.replace("../firmware", str(ROOT / "firmware"))
        for old, new in changes:
            assert old in text, f"places/virtual.yaml has no {old!r}"
            text = text.replace(old, new)
        path = folder / "place.yaml"
        path.write_text(text)
        return path

    def bare_place_file(self, folder: Path) -> Path:
        """Write the place file of a board without a flash interposer."""
        visa = f"TCPIP0::127.0.0.1::{self.endpoints.interposer}::SOCKET"
        resource = f"{{name: interposer, visa: '{visa}', model: walnut_interposer}}"
        driver = "{name: interposer, bindings: {port: interposer}}"
        return self.place_file(
            folder,
            (f"      - ScpiInstrument: {resource}\n", ""),
            (f"      - InstrumentDriver: {driver}\n", ""),
        )


@pytest.fixture(scope="session")
def running_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    bench.up()
    yield bench
    control.stop(bench.state)


@pytest.fixture
def bench(running_bench: Bench) -> Iterator[Bench]:
    """Clear all faults before and after."""
    running_bench.fault("clear")
    yield running_bench
    running_bench.fault("clear")


@pytest.fixture
def place(bench: Bench, tmp_path: Path) -> Iterator[Place]:
    """Open a place on that bench with the golden flash of 1.0.0, off."""
    with Place.open(bench.place_file(tmp_path)) as place:
        place.restore(place.catalogue.release("1.0.0"))
        yield place


def start_rig(log: Path, *words: object) -> subprocess.Popen[bytes]:
    """Start the `rig` command as a process group of its own, talking to `log`."""
    # A shell's background job ignores SIGINT, and so would all that it starts.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "rig.cli"]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*command, *(str(word) for word in words)],
            stdout=output,
            stderr=output,
            cwd=ROOT,
            start_new_session=True,
        )


def run_rig(*words: object, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
    """Run the `rig` command to its end."""
    command = [sys.executable, "-m", "rig.cli", *(str(word) for word in words)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=timeout_s, cwd=ROOT
    )
