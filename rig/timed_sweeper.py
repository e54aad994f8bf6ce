# SPDX-License-Identifier: MIT
"""One worker of a sweep by the clock: every cut is a real one in a real run."""

from rig.errors import UsageError
from rig.faults import CutAtMark, Outcome
from rig.long_way import LongWay, Replayed
from rig.results import plain
from rig.sweep_records import TIMED, Point
from rig.sweeper import Worker
from rig.timed import digest, points_of, spread, strata_of


class TimedSweeper(Worker):
    """Cuts by the clock, each a real one."""

    _own_boots = 0

    def plan(self) -> None:
        """Run the exercise once, uncut; draw the cuts and note them."""
        exercise, settings = self.exercise, self.settings
        began_s = self.place.clock.now()
        self.say(f"{exercise.what} {exercise.old} → {exercise.new}: one uncut run")
        heard = exercise.listen()
        trial_s = self.place.clock.now() - began_s
        strata = strata_of(heard.lines, exercise.what)
        self.say(
            f"{len(strata)} strata between the board's lines in {heard.duration_s:.1f} s,"
            f" ended on {heard.ended_on!r}"
        )
        facts = {
            "ended_on": heard.ended_on,
            "boots": heard.boots,
            "strata": [stratum.to_json() for stratum in strata],
        }
        self.records.begin(settings, digest(strata), (), facts, trial_s)
        count, seed = points_of(settings["points"], settings["seed"])
        drawn = spread(strata, count, seed)
        self.records.add_points([Point(cut, TIMED, place + 1) for place, cut in drawn])

    def resume(self) -> None:
        """Take up the cuts that were drawn; the uncut run is not repeated.

        Raises:
            UsageError: the folder's sweep is another one.
        """
        found = self.records.sweep()
        if found is None:
            raise UsageError(f"{self.records.path} holds no plan")
        self.records.begin(self.settings, found["journal_sha256"], (), {}, 0.0)
        rolls_back = self.exercise.what == "rollback"
        self._own_boots = int(found["recording"]["boots"]) if rolls_back else 0

    def _judge_one(self, point: Point) -> Outcome:
        cut = point.cut
        if not isinstance(cut, CutAtMark):
            raise UsageError(f"{cut} is not by the clock")
        self._console.forget()
        trial = LongWay(self.exercise).run(cut, own_boots=self._own_boots)
        facts = plain(trial) | {"key": str(self.key(cut))}
        if not trial.outcome.good:
            facts["console"] = self._console.tail()
        self.say(f"{trial.outcome.value}: {cut}, {edge_text(trial)}")
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
        return trial.outcome


def edge_text(trial: Replayed) -> str:
    """Say when the rail fell."""
    if trial.edge is None:
        return "when the rail fell was not measured"
    delay = trial.edge.delay
    return f"the rail fell {delay.value:.4f} ± {delay.uncertainty:.4f} s after that line"
