# SPDX-License-Identifier: MIT
"""`rig replay`: one trial of a sweep again, the long way, with everything kept."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rig.exercise import Exercise
from rig.faults import CutAtMark, CutAtOperation
from rig.long_way import LongWay
from rig.place import Place
from rig.results import plain
from rig.sweep import parse_key
from rig.upgrade import Event

pytestmark = pytest.mark.timeout(900)


@pytest.mark.lg_feature("interposer")
def test_a_replayed_cut_leaves_a_good_board(
    pytestconfig: pytest.Config,
    place: Place,
    console: Any,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """The board comes back whole; the records tell what the cut left."""
    key = parse_key(pytestconfig.getoption("rig_key"))
    console.to(folder / "console" / "replay.log")
    console.hear = lambda line: say(f"  | {line}")

    def on_event(event: Event) -> None:
        say(f"{event.phase} {event.event} {event.keys}")

    old = place.catalogue.release(key.old)
    new = place.catalogue.target(key.what, key.new)
    exercise = Exercise(place, key.what, old, new, on_event)
    plan = key.plan
    if isinstance(plan, CutAtMark):
        plan = exercise.nearest(plan)
        say(f"{key.plan} was cut by the clock; the nearest operation on this place: {plan}")
    assert isinstance(plan, CutAtOperation), f"{plan} is not a cut"

    replayed = LongWay(exercise, on_event, keep=folder).run(plan)

    record = plain(replayed) | {"key": str(key), "plan": str(plan)}
    (folder / "replay.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
    assert dataclasses.asdict(replayed)["outcome"].good, (
        f"{replayed.outcome.value}: {replayed.error} {replayed.notes}"
    )
