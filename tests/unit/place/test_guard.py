# SPDX-License-Identifier: MIT
"""A run that is killed leaves its board off: a process that outlives it sees to that."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.clock import SystemClock
from rig.errors import BenchError
from rig.place.guard import Guard
from rig.place.place import Place
from tests.unit.helpers.guarded import OFF_LIMIT_S, PROMISE_S, Run
from tests.unit.helpers.plug import Plug, place_file

pytestmark = pytest.mark.usefixtures("own_state")


@pytest.fixture
def run(outlet: Plug, tmp_path: Path) -> Iterator[Run]:
    running = Run(place_file(tmp_path, outlet))
    with running.process:
        yield running
        outlet.drop = 0
        if running.process.poll() is None:
            os.killpg(running.process.pid, signal.SIGKILL)


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["run", "group"])
def test_a_run_that_is_killed_leaves_the_board_off_within_the_time_promised(
    run: Run, outlet: Plug, kill: Callable[[int, int], None]
) -> None:
    assert outlet.on
    kill(run.process.pid, signal.SIGKILL)
    assert outlet.wait_for(on=False, limit_s=PROMISE_S)
    said = run.said()
    assert f"the run (process {run.process.pid}) was killed; the board is off" in said


def test_requests_to_stop_do_not_end_a_guard(run: Run, outlet: Plug) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(run.guard, number)
    os.kill(run.process.pid, signal.SIGKILL)
    assert outlet.wait_for(on=False, limit_s=OFF_LIMIT_S)


def test_a_plug_that_fails_a_guard_is_asked_until_it_answers(run: Run, outlet: Plug) -> None:
    outlet.drop = 3
    os.kill(run.process.pid, signal.SIGKILL)
    assert outlet.wait_for(on=False, limit_s=OFF_LIMIT_S)
    assert outlet.drop == 0


def test_a_run_in_good_order_has_its_guard_say_and_do_nothing(run: Run, outlet: Plug) -> None:
    _, said = run.process.communicate("", timeout=OFF_LIMIT_S)
    assert (run.process.returncode, said) == (0, "")
    assert outlet.commands == [True, False], "the run's own"
    assert not Path(f"/proc/{run.guard}").exists()


def test_without_its_guard_a_run_that_is_killed_leaves_the_board_on(run: Run, outlet: Plug) -> None:
    """The partner of the first: it is the guard that switches off, and nothing else."""
    os.kill(run.guard, signal.SIGKILL)
    os.kill(run.process.pid, signal.SIGKILL)
    run.said()
    assert outlet.on


def test_nobody_begins_on_a_place_while_its_guard_is_at_work(
    run: Run, outlet: Plug, tmp_path: Path
) -> None:
    outlet.drop = 1_000_000
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    with pytest.raises(BenchError, match=f"in use by process {run.process.pid}"):
        Place.open(tmp_path / "plugged.yaml")
    outlet.drop = 0
    run.said()
    Place.open(tmp_path / "plugged.yaml").close()


def test_a_guard_that_was_killed_is_replaced_before_the_board_gets_its_power(
    outlet: Plug, tmp_path: Path
) -> None:
    guard = Guard(place_file(tmp_path, outlet), (), SystemClock())
    guard.require()
    first = guard.number
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    guard.require()
    assert guard.number != first
    guard.dismiss()


def test_no_board_gets_its_power_without_a_guard(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    path.write_text("targets: {}\n")
    guard = Guard(path, (), SystemClock())
    with pytest.raises(BenchError, match="no guard watches over the board's power"):
        guard.require()
    guard.dismiss()
