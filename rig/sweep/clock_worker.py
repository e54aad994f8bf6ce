# SPDX-License-Identifier: MIT
"""One worker of a sweep by the clock: every cut is a real one in a real run."""

from rig.errors import UsageError
from rig.faults.outcome import Outcome
from rig.sweep.point import TIMED, Point
from rig.sweep.real_cut import Replayed
from rig.sweep.strata import digest, points_of, spread, strata_of
from rig.sweep.worker import Worker


class TimedSweeper(Worker):
    """Cuts by the clock, each a real one."""

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
        count, seed = points_of(settings["points"], settings["seed"])
        drawn = spread(strata, count, seed)
        points = [Point(cut, TIMED, place + 1) for place, cut in drawn]
        self.records.begin(settings, digest(strata), (), facts, trial_s, points)

    def resume(self) -> None:
        """Take up the cuts that were drawn; the uncut run is not repeated.

        Raises:
            UsageError: the folder's sweep is another one.
        """
        found = self.records.sweep()
        if found is None:
            raise UsageError(f"{self.records.path} holds no plan")
        self.records.check(self.settings, found["journal_sha256"])

    def _judge_one(self, point: Point) -> Outcome:
        trial = self._for_real(point)
        self.say(f"{trial.outcome.value}: {point.cut}, {edge_text(trial)}")
        return trial.outcome


def edge_text(trial: Replayed) -> str:
    """Say when the rail fell."""
    if trial.edge is None:
        return "when the rail fell was not measured"
    delay = trial.edge.delay
    return f"the rail fell {delay.value:.4f} ± {delay.uncertainty:.4f} s after that line"
