# SPDX-License-Identifier: MIT
"""`rig bench up` and `run` on a bench that is up already: what was asked for, or refused."""

import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli import main
from rig.virtual.daemon import CONTROL
from rig.virtual.endpoints import Endpoints
from rig.virtual.instruments.models import DEFAULTS

NUMBERS = (1, 2)


class BenchOfTwo(socketserver.StreamRequestHandler):
    """Answers as a bench's daemon does that has boards 1 and 2."""

    def handle(self) -> None:
        self.rfile.readline()
        seen = {"models": DEFAULTS, "powered": False, "faults": []}
        boards = [Endpoints(number, Path("/nowhere")).status() | seen for number in NUMBERS]
        self.wfile.write(json.dumps({"boards": boards}).encode() + b"\n")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """Return the state folder of a bench that is up."""
    with socketserver.ThreadingUnixStreamServer(str(tmp_path / CONTROL), BenchOfTwo) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield tmp_path
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(
    "words",
    [
        ["up", "--boards", "3"],
        ["up", "--boards", "1"],
        ["up", "--boards", "2", "--first-board", "2"],
        ["up", "--boards", "2", "--model", "supply=rigol_dp832"],
        ["run", "--boards", "3", "--", "true"],
        ["run", "--model", "supply=rigol_dp832", "--", "true"],
    ],
    ids=" ".join,
)
def test_another_bench_than_the_one_that_is_up_is_refused(
    state: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--state", str(state), *words]) == 2
    said = capsys.readouterr().err
    assert "you (the call) must act" in said
    assert "walnut-virtual-2 (keysight_53230a, keysight_e36312a); asked for: walnut-virtual" in said
    assert "give `rig bench down` first" in said


def test_the_same_bench_again_is_shown(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--state", str(state), "up", "--boards", "2"]) == 0
    assert "walnut-virtual-2: power off" in capsys.readouterr().out


def test_one_command_may_leave_boards_idle(state: Path) -> None:
    assert main(["bench", "--state", str(state), "run", "--", "true"]) == 0
    assert main(["bench", "--state", str(state), "run", "--boards", "2", "--", "true"]) == 0
