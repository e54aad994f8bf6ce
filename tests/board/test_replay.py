# SPDX-License-Identifier: MIT
"""`rig replay`: one trial of a sweep again, the long way, with everything kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rig.campaign.follower import Event
from rig.faults.plan import CutAtMark, CutAtOperation
from rig.place.place import Place
from rig.sweep.exercise import Exercise
from rig.sweep.key import SweepKey, parse_key
from rig.sweep.real_cut import Replayed
from rig.sweep.replay import replay

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def key(pytestconfig: pytest.Config) -> SweepKey:
    return parse_key(pytestconfig.getoption("rig_key"))


@pytest.fixture
def on_event(
    console_log: Any, run_folder: Path, progress: Callable[[str], None]
) -> Callable[[Event], None]:
    """Put the board's console on the screen, and what the rig makes of it."""
    console_log.to(run_folder / "console" / "replay.log")
    console_log.hear = lambda line: progress(f"  | {line}")

    def tell(event: Event) -> None:
        progress(f"{event.phase} {event.event} {event.keys}")

    return tell


@pytest.fixture
def exercise(place: Place, key: SweepKey, on_event: Callable[[Event], None]) -> Exercise:
    old = place.catalogue.release(key.old)
    new = place.catalogue.target(key.what, key.new)
    return Exercise(place, key.what, old, new, on_event)


def check(replayed: Replayed) -> None:
    assert replayed.outcome.good, f"{replayed.outcome.value}: {replayed.error} {replayed.notes}"


def test_a_replayed_cut_leaves_a_good_board(
    exercise: Exercise,
    key: SweepKey,
    on_event: Callable[[Event], None],
    run_folder: Path,
    progress: Callable[[str], None],
) -> None:
    """The board comes back whole; the records tell what the cut left."""
    plan, nearest = key.plan, None
    if isinstance(plan, CutAtMark):
        found = exercise.nearest(plan)
        nearest = f"{plan} was cut by the clock; the nearest operation on this place: {found}"
        plan = found.cut
        progress(nearest)
    assert isinstance(plan, CutAtOperation), f"{plan} is not a cut"

    more = {"key": str(key), "nearest": nearest}
    check(replay(exercise, plan, run_folder, more=more, on_event=on_event, say=progress))


def test_a_cut_replayed_by_the_clock_leaves_a_good_board(
    exercise: Exercise,
    key: SweepKey,
    on_event: Callable[[Event], None],
    run_folder: Path,
    progress: Callable[[str], None],
) -> None:
    """The same mark and delay, where no operation can be named; the rail's edge is measured."""
    assert isinstance(key.plan, CutAtMark), f"{key.plan} is not a cut by the clock"

    more = {"key": str(key), "nearest": None}
    check(replay(exercise, key.plan, run_folder, more=more, on_event=on_event, say=progress))
