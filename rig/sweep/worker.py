# SPDX-License-Identifier: MIT
"""One worker of a sweep, of whatever kind: takes point after point until none is left."""

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rig.campaign.reinstall import rescue
from rig.drivers.console_log import ConsoleLog
from rig.errors import BenchError
from rig.faults.outcome import Outcome
from rig.faults.plan import Cut
from rig.records.plain import plain
from rig.sweep.exercise import Exercise
from rig.sweep.key import SweepKey
from rig.sweep.point import Point
from rig.sweep.real_cut import RealCut, Replayed
from rig.sweep.records import SweepRecords

if TYPE_CHECKING:
    from rig.place.place import Place


class Worker:
    """What every way of sweeping has: one exercise on one place, and points until none is left.

    `say` is told one line of progress at a time.
    """

    _left: Outcome | None = None  # what the last boot showed of the board

    def __init__(
        self,
        exercise: Exercise,
        records: SweepRecords,
        settings: dict[str, Any],
        say: Callable[[str], None],
        console: ConsoleLog,
    ) -> None:
        self.exercise = exercise
        self.place: Place = exercise.place
        self.records = records
        self.settings = settings
        self.say = say
        self._console = console

    @cached_property
    def long_way(self) -> RealCut:
        return RealCut(self.exercise)

    def work(self, command: int) -> int:
        """Judge points until none is left; return how many were this worker's.

        A bad board is not left behind: it is rescued with the old release.
        `command` is the process that started it.  When that is killed, this one does not go on
        alone: its board would be in use for whoever takes up the sweep.

        Raises:
            BenchError: the bench failed at one.
        """
        done = 0
        while os.getppid() == command:
            if (point := self.records.claim(self.place.name)) is None:
                break
            outcome = self._judge_one(point)
            done += 1
            if outcome is Outcome.bench:
                raise BenchError(
                    f"the bench failed at {point.cut}: mend it and give the same command again"
                )
        if self._left is not None and not self._left.good:
            rescue(self.place, self.exercise.old, self.say)
        return done

    def _judge_one(self, point: Point) -> Outcome:
        raise NotImplementedError

    def _for_real(self, point: Point) -> Replayed:
        """Make the point's cut in a real run and record what came of it."""
        self._console.forget()
        trial = self.long_way.run(point.cut)
        self._left = trial.outcome
        facts = plain(trial) | {"key": str(self.key(point.cut))}
        if not trial.outcome.good:
            facts["console"] = self._console.tail()
        self.records.judged(
            point,
            outcome=trial.outcome.value,
            flash=trial.flash_sha256 or "",
            shared=False,
            boots=trial.boots,
            duration_s=trial.duration_s,
            record=facts,
            owner=self.place.name,
        )
        return trial

    def key(self, cut: Cut) -> SweepKey:
        return SweepKey.of(self.exercise.what, self.exercise.old, self.exercise.new, cut)
