# SPDX-License-Identifier: MIT
"""Whole runs that are killed: nothing of them can put anything in order."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.clock import Deadline, SystemClock
from tests.bench.conftest import Bench, run_rig, start_rig

pytestmark = pytest.mark.timeout(300)

PROMISE_S = 5.0  # of the guard, docs/explanation/how-a-run-ends.md
LIMIT_S = 60.0  # a run in good order takes as long as its last wait


class Cycle:
    """`rig cycle` on a bench, whose board has its power."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.report = folder / "report"
        self.log = folder / "log"
        words = ["cycle", "--place", bench.place_file(folder), "--from", "1.0.0", "--to", "2.0.0"]
        options = ["--cycles", "5", "--no-allure", "--report", self.report]
        self.command = start_rig(self.log, *words, *options)

    def wait_for(self, what: Callable[[], bool], limit_s: float) -> None:
        clock = SystemClock()
        deadline = Deadline.after(clock, limit_s)
        while not what():
            assert not deadline.passed, self.log.read_text()
            clock.sleep(0.2)

    def children(self) -> list[int]:
        """Return the processes that the command has started."""
        path = Path(f"/proc/{self.command.pid}/task/{self.command.pid}/children")
        return [int(number) for number in path.read_text().split()]


@pytest.fixture
def cycle(bench: Bench, tmp_path: Path) -> Iterator[Cycle]:
    run = Cycle(bench, tmp_path)
    with run.command as command:
        try:
            run.wait_for(lambda: "board is up" in run.log.read_text(), 120.0)
            assert bench.board["powered"]
            yield run
        finally:
            if command.poll() is None:
                os.killpg(command.pid, signal.SIGKILL)


def test_a_run_whose_every_process_is_killed_leaves_the_board_off(cycle: Cycle) -> None:
    os.killpg(cycle.command.pid, signal.SIGKILL)
    cycle.wait_for(lambda: not cycle.bench.board["powered"], PROMISE_S)
    cycle.wait_for(lambda: "was killed; the board is off" in cycle.log.read_text(), LIMIT_S)


def test_a_run_whose_pytest_is_killed_leaves_the_board_off_and_is_no_verdict(cycle: Cycle) -> None:
    for number in cycle.children():
        os.kill(number, signal.SIGKILL)
    cycle.wait_for(lambda: not cycle.bench.board["powered"], PROMISE_S)
    code = cycle.command.wait(LIMIT_S)
    assert code not in {0, 1}, cycle.log.read_text()
    assert "was killed; the board is off" in cycle.log.read_text()


def test_a_run_whose_command_is_killed_ends_in_good_order_and_its_page_can_be_made(
    cycle: Cycle,
) -> None:
    os.kill(cycle.command.pid, signal.SIGKILL)
    cycle.wait_for(lambda: not cycle.bench.board["powered"], LIMIT_S)

    def is_finished() -> bool:
        made = run_rig("report", cycle.report)
        summary = cycle.report / "summary.json"
        return made.returncode in {0, 3} and json.loads(summary.read_text())["status"] != "running"

    cycle.wait_for(is_finished, LIMIT_S)
    assert json.loads((cycle.report / "summary.json").read_text())["status"] == "interrupted"
    assert "was killed" not in cycle.log.read_text(), "its guard had nothing to do"


def test_a_pdu_that_dies_for_good_is_named_and_the_supply_takes_the_power(
    cycle: Cycle, bench: Bench
) -> None:
    bench.fault("pdu.refuse", 1_000_000)
    os.killpg(cycle.command.pid, signal.SIGINT)
    code = cycle.command.wait(2 * LIMIT_S)
    assert code == 130, cycle.log.read_text()
    assert not bench.board["powered"]
    assert "the board is off all the same, by its supply" in cycle.log.read_text()
