# SPDX-License-Identifier: MIT
"""One cut made again, the long way: recorded, and a bad board rescued."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig.campaign.follower import Event
from rig.campaign.reinstall import rescue
from rig.faults.plan import Cut
from rig.records.plain import plain
from rig.sweep.exercise import Exercise
from rig.sweep.real_cut import RealCut, Replayed


def replay(
    exercise: Exercise,
    plan: Cut,
    folder: Path,
    *,
    more: dict[str, Any],
    on_event: Callable[[Event], None],
    say: Callable[[str], None],
) -> Replayed:
    """Cut `exercise` for real, and leave the flash of then and `replay.json` in `folder`.

    `more` goes into the record as it is.  A bad board is rescued with the old release.
    """
    replayed = RealCut(exercise, on_event, keep=folder).run(plan)
    record = plain(replayed) | {"plan": str(plan)} | more
    fresh = folder / "replay.json.new"
    fresh.write_text(json.dumps(record, indent=2), encoding="utf-8")
    fresh.replace(folder / "replay.json")  # whole or not there, for a disk may be full
    if replayed.outcome.bad:
        rescue(exercise.place, exercise.old, say)
    return replayed
