# SPDX-License-Identifier: MIT
"""Sweeps flash operations: records the exercise on its board, then judges what cuts leave."""

import random
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rig.errors import BenchError, BoardError, UsageError
from rig.faults.outcome import Outcome
from rig.faults.plan import CutAtOperation, Kind
from rig.records.plain import plain
from rig.sweep.exercise import Recording
from rig.sweep.operations import Labelled, choose, cuts
from rig.sweep.point import LONG, SHORT, Point
from rig.sweep.recalled_cut import CutJudge, JudgedCut
from rig.sweep.worker import Worker

if TYPE_CHECKING:
    from rig.instruments.interposer import Interposer

BASELINES = 3  # boots without any cut, before a sweep: what a verdict costs at least
NESTED_SHARE = 50  # beside environment and commit, the recovery from one cut in so many is cut


def _at_operation(point: Point) -> CutAtOperation:
    if not isinstance(point.cut, CutAtOperation):
        raise UsageError(f"{point.cut} is not at a flash operation")
    return point.cut


class Sweeper(Worker):
    """Cuts at flash operations, each judged by one boot of what the cut leaves."""

    _recording: Recording | None = None

    @cached_property
    def judge(self) -> CutJudge:
        return CutJudge(self.exercise)

    @cached_property
    def _interposer(self) -> "Interposer":
        return self.place.need("interposer")

    @property
    def recording(self) -> Recording:
        if self._recording is None:
            raise UsageError("record the exercise before its cuts are judged")
        return self._recording

    def record(self) -> Recording:
        """Run the exercise once, journalled; its journal must be the sweep's.

        Raises:
            UsageError: the sweep in this folder is of another journal.
        """
        what = self.exercise.what
        self.say(f"{what} {self.exercise.old} → {self.exercise.new}: one journalled run")
        recording = self._recording = self.exercise.record()
        self.say(
            f"{len(recording.operations)} flash operations in {recording.duration_s:.1f} s,"
            f" ended on {recording.ended_on!r}, journal {recording.journal_sha256[:12]}"
        )
        return recording

    def plan(self) -> None:
        """Record, choose the points, note them; nothing is cut yet."""
        recording = self.record()
        baseline_s = self._baseline()
        facts = {
            "ended_on": recording.ended_on,
            "boots": recording.boots,
            "heard": recording.heard,
            "times_s": recording.times_s,
        }
        self.records.begin(
            self.settings,
            recording.journal_sha256,
            recording.operations,
            facts,
            baseline_s,
            self._points(recording.operations),
        )

    def _points(self, operations: tuple[Labelled, ...]) -> list[Point]:
        """Choose the cuts, and a sample of them to be made the long way, too."""
        numbers = choose(self._in_scope(operations), self.settings["points"])
        kinds = tuple(Kind(kind) for kind in self.settings["kinds"])
        chosen = cuts(numbers, kinds, self.settings["seed"])
        chance = random.Random(self.settings["seed"])  # noqa: S311 # repeatable, not secret
        sample = [cut for cut in chosen if cut.kind is not Kind.unstable]
        sample = chance.sample(sample, min(self.settings["long"], len(sample)))
        # A cut before an operation leaves the flash that one after the operation before it has
        # left: side by side with that, it would be booted for nothing.
        short = sorted(chosen, key=lambda cut: cut.kind is Kind.before)
        return [*(Point(cut, SHORT) for cut in short), *(Point(cut, LONG) for cut in sample)]

    def _in_scope(self, operations: tuple[Labelled, ...]) -> list[Labelled]:
        if self.exercise.what != "confirm":
            return list(operations)
        return [item for item in operations if item.phase in {"boot count", "confirm"}]

    def _baseline(self) -> float:
        """Return the shortest time from power-on to a verdict on a flash that nobody cut."""
        last = len(self.recording.operations)
        times = []
        for _ in range(BASELINES):
            self._interposer.recall(last, Kind.after)
            trial = self.judge.look(self.recording.allowed(last + 1))
            if not trial.outcome.good:
                error = BenchError if trial.outcome is Outcome.bench else BoardError
                raise error(
                    f"the flash that the uncut run left does not make a good board:"
                    f" {trial.outcome.value}, {trial.error or trial.notes}"
                )
            times.append(trial.duration_s)
        return min(times)

    def resume(self) -> None:
        """Record the exercise on this board; its journal must be the sweep's own.

        Raises:
            UsageError: it is another journal: other releases, or a board that is not repeatable.
        """
        recording = self.record()
        self.records.check(self.settings, recording.journal_sha256)

    def _judge_one(self, point: Point) -> Outcome:
        if point.way == LONG:
            return self._for_real(point).outcome
        outcome = self._short(point)
        nested = 0
        if outcome.good and self._is_nested(_at_operation(point)):
            outcome, nested = self._nested(point)
        if outcome is not Outcome.bench:
            self.records.nested_done(point, nested)
        return outcome

    def _short(self, point: Point) -> Outcome:
        """Boot from the flash that the cut left, unless the same flash was judged before.

        Unstable cells are looked at twice, each time as they fell.
        """
        cut = _at_operation(point)
        last = cut.cuts[-1]
        digest = self._interposer.recalled_digest(last.operation, last.kind, last.seed)
        known = self.records.same_flash(digest) if last.kind is not Kind.unstable else None
        if known is not None and self._still_holds(known, cut.operation):
            outcome = Outcome(known["outcome"])
            record = known["record"] | {"flash_sha256": self._flash_sha256(point, outcome)}
            self._note(point, known["outcome"], digest, record, shared=True)
            return outcome
        allowed = self.recording.allowed(cut.operation)
        self._interposer.recall(last.operation, last.kind, last.seed)
        self._console.forget()
        trial = self.judge.look(allowed, self._boots_expected())
        if last.kind is Kind.unstable and trial.outcome.good:
            again = self.judge.look(allowed, self._boots_expected())
            trial = again if not again.outcome.good else trial
        self._note_trial(point, digest, trial)
        return trial.outcome

    def _note_trial(self, point: Point, digest: str, trial: JudgedCut) -> None:
        """Record what a boot showed; of a bad outcome also the board's last words."""
        self._left = trial.outcome
        if not trial.outcome.good:
            trial.console = self._console.tail()
            self.say(f"{trial.outcome.value}: {self.key(point.cut)}")
        trial.flash_sha256 = self._flash_sha256(point, trial.outcome)
        self._note(point, trial.outcome.value, digest, trial, shared=False)

    def _flash_sha256(self, point: Point, outcome: Outcome) -> str | None:
        """Return the hash of the whole flash where a real cut, or a replay, is to leave the same.

        It takes the interposer longer than the digest: 16 MiB against the sectors that differ.
        """
        if outcome is Outcome.bench or (outcome.good and not self.records.has_long(point)):
            return None
        last = _at_operation(point).cuts[-1]
        return str(self._interposer.recalled_sha256(last.operation, last.kind, last.seed))

    def _boots_expected(self) -> int:
        """Return how many boots after a cut are no more than needed."""
        return self.exercise.own_boots or 1

    def _still_holds(self, known: dict[str, Any], operation: int) -> bool:
        """Tell whether the verdict on the same flash is the verdict after a cut at `operation`.

        A bad one was given where other states may have been allowed: there it is no verdict here.
        """
        allowed = [mark.state for mark in self.recording.allowed(operation)]
        if not Outcome(known["outcome"]).good:
            return [mark.state for mark in self.recording.allowed(known["number"])] == allowed
        held = known["record"]["held"]
        return (held["value"], held["counter"], held["sessions"]) in allowed

    def _note(
        self, point: Point, outcome: str, digest: str, record: object, *, shared: bool
    ) -> None:
        facts = plain(record)
        facts["key"] = str(self.key(_at_operation(point)))
        self.records.judged(
            point,
            outcome=outcome,
            flash=digest,
            shared=shared,
            boots=0 if shared else int(facts.get("boots") or 0),
            duration_s=0.0 if shared else float(facts.get("duration_s") or 0.0),
            record=facts,
            owner=self.place.name,
        )

    # ---- cuts in the recovery from a cut
    def _is_nested(self, cut: CutAtOperation) -> bool:
        if self.settings["nested"] < 2 or cut.kind is Kind.unstable:
            return False
        operation = self.recording.operations[cut.operation - 1]
        chance = random.Random(f"nested:{self.settings['seed']}:{cut}")  # noqa: S311
        return operation.counts_always or not chance.randrange(NESTED_SHARE)

    def _nested(self, point: Point) -> tuple[Outcome, int]:
        """Record the recovery from the point's cut, then judge a cut at each of its operations.

        Return the point's outcome and how many cuts its recovery had: to record it is a second
        look at a point that was good, and what is worse then counts.
        """
        cut = _at_operation(point)
        interposer = self._interposer
        digest = interposer.recalled_digest(cut.operation, cut.kind, cut.seed)
        interposer.recall(cut.operation, cut.kind, cut.seed)
        self._console.forget()
        nested: list[Point] = []
        interposer.start_history()
        try:
            again = self.judge.look(self.recording.allowed(cut.operation), self._boots_expected())
            count = interposer.stop_history()
            if again.outcome.good:
                nested = self._cut_again(cut, count)
        finally:
            interposer.drop_history()
        if not again.outcome.good:
            self._note_trial(point, digest, again)
        return again.outcome, len(nested)

    def _cut_again(self, cut: CutAtOperation, count: int) -> list[Point]:
        """Judge a cut at each of the `count` operations of the recovery that is recorded.

        Raises:
            BenchError: the bench failed at one.
        """
        kinds = [Kind(kind) for kind in self.settings["kinds"]]
        nested = [
            Point(
                CutAtOperation(operation=cut.operation, kind=cut.kind, seed=cut.seed, then=second),
                SHORT,
            )
            for second in cuts(range(1, count + 1), kinds, self.settings["seed"])
        ]
        self.records.add_points(nested)
        for point in nested:
            if not self.records.is_done(point) and self._short(point) is Outcome.bench:
                raise BenchError(f"the bench failed at {point.cut}")
        return nested
