# SPDX-License-Identifier: MIT
"""Whole runs of the command: interrupted, and on stock tools' terms."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvisa

from rig.cli import main
from rig.clock import Deadline, SystemClock
from rig.errors import INTERRUPTED
from rig.place.place import Place
from rig.records.run import Results
from tests.bench.conftest import Bench, start_rig

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize(
    ("number", "send"),
    [
        (signal.SIGINT, os.killpg),  # Ctrl-C: the terminal sends it to the whole group
        (signal.SIGTERM, os.kill),  # a scheduler, or a person who knows the command's id
        (signal.SIGHUP, os.killpg),  # a session that is gone
    ],
    ids=["ctrl-c", "terminated", "hung-up"],
)
def test_a_request_to_stop_leaves_the_board_off_and_the_records_whole(
    bench: Bench, tmp_path: Path, number: signal.Signals, send: Callable[[int, int], None]
) -> None:
    report = tmp_path / "report"
    place = bench.place_file(tmp_path)
    options = ["--cycles", "5", "--no-allure", "--report", report]
    cycle = ["cycle", "--place", place, "--from", "1.0.0", "--to", "2.0.0"]
    child = start_rig(tmp_path / "log", *cycle, *options)
    try:
        _wait_for_a_step(child, report, tmp_path / "log")
        send(child.pid, number)
        code = child.wait(timeout=60.0)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    said = (tmp_path / "log").read_text()
    assert code == INTERRUPTED, said
    assert not bench.board["powered"]
    summary = json.loads((report / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    assert len(summary["steps"]) >= 1


def _wait_for_a_step(child: subprocess.Popen[bytes], report: Path, log: Path) -> None:
    clock = SystemClock()
    deadline = Deadline.after(clock, 120.0)
    while not _steps(report):
        assert child.poll() is None, log.read_text()
        assert not deadline.passed, log.read_text()
        clock.sleep(0.2)


def _steps(report: Path) -> list[object]:
    path = report / "results.sqlite"
    if not path.exists():
        return []
    try:
        results = Results.open(path)
        steps: list[object] = list(results.steps())
        results.close()
    except Exception:  # noqa: BLE001 # it may be half made at this moment
        return []
    return steps


def test_five_lines_of_plain_pyvisa_read_the_counter(place: Place, bench: Bench) -> None:
    """Stock software against the bench: no driver of ours."""
    place.boot()
    counter = pyvisa.ResourceManager("@py").open_resource(bench.board["counter"]["visa"])
    counter.read_termination = counter.write_termination = "\n"  # type: ignore[attr-defined]
    assert "53230A" in counter.query("*IDN?")  # type: ignore[attr-defined]
    counter.write("CONF:ARR:TST (1000000),(@1);:FORM:DATA REAL,64;:INIT")  # type: ignore[attr-defined]
    place.clock.sleep(1.0)
    gaps = counter.query_binary_values("R?", datatype="d", is_big_endian=True)  # type: ignore[attr-defined]
    counter.close()
    assert len(gaps) > 500
    assert 0.0005 < sorted(gaps)[len(gaps) // 2] < 0.002


def test_an_unknown_release_is_refused_before_anything_moves(
    tmp_path: Path, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(bench.place_file(tmp_path))
    assert main(["cycle", "--place", place, "--from", "1.0.0", "--to", "9.9.9"]) == 2
    said = capsys.readouterr().err
    assert "unknown release '9.9.9'; known: 1.0.0, 1.1.0, 2.0.0, 2.0.9, 2.1.0" in said
    assert not bench.board["powered"]
