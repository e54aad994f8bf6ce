# SPDX-License-Identifier: MIT
"""`rig sweep --kinds timed`: cuts by the clock; test_sweep.py judges what came of them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.place.place import Place
from rig.sweep.clock_worker import TimedSweeper
from rig.sweep.exercise import Exercise
from rig.sweep.records import SweepRecords

WEEK_S = 7 * 86_400  # a real board takes minutes for each cut


@pytest.fixture
def sweeper(
    pytestconfig: pytest.Config,
    place: Place,
    console_log: Any,
    run_folder: Path,
    progress: Callable[[str], None],
) -> Iterator[TimedSweeper]:
    settings: dict[str, Any] = json.loads(pytestconfig.getoption("rig_sweep"))
    old = place.catalogue.release(settings["old"])
    new = place.catalogue.target(settings["what"], settings["new"])
    exercise = Exercise(place, settings["what"], old, new)
    records = SweepRecords(run_folder / "sweep.sqlite")
    yield TimedSweeper(exercise, records, settings, progress, console_log)
    records.close()


@pytest.mark.timeout(1800)
def test_plan(sweeper: TimedSweeper) -> None:
    """One uncut run with the clock on each line; nothing is cut."""
    sweeper.plan()

    assert sweeper.records.points()


@pytest.mark.timeout(WEEK_S)
def test_points(sweeper: TimedSweeper, pytestconfig: pytest.Config) -> None:
    """One worker's share: the verdicts are judged when all workers are through."""
    sweeper.resume()
    done = sweeper.work(pytestconfig.getoption("rig_command"))

    sweeper.say(f"{done} points judged by this worker")
