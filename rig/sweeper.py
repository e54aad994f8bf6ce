# SPDX-License-Identifier: MIT
"""One worker of a sweep: records the exercise on its board, then judges point after point."""

import os
import random
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rig.drivers.console_log import ConsoleLog
from rig.errors import BenchError, BoardError, UsageError
from rig.exercise import Exercise, Recording
from rig.faults import CutAtMark, CutAtOperation, Kind, Outcome
from rig.long_way import LongWay
from rig.results import plain
from rig.sweep import Key, Labelled, choose, cuts
from rig.sweep_records import LONG, SHORT, Point, SweepRecords
from rig.trial import Judge

if TYPE_CHECKING:
    from rig.place import Place

BASELINES = 3  # boots without any cut, before a sweep: what a verdict costs at least
NESTED_SHARE = 50  # beside environment and commit, the recovery from one cut in so many is cut


class Worker:
    """What every way of sweeping has: one exercise on one place, and points until none is left.

    `say` is told one line of progress at a time.
    """

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

    def work(self) -> int:
        """Judge points until none is left; return how many were this worker's.

        It does not go on alone when the command that started it is killed: its board would be in
        use for whoever takes up the sweep.

        Raises:
            BenchError: the bench failed at one.
        """
        done = 0
        parent = os.getppid()
        while os.getppid() == parent:
            if (point := self.records.claim(self.place.name)) is None:
                break
            outcome = self._judge_one(point)
            done += 1
            if outcome is Outcome.bench:
                raise BenchError(
                    f"the bench failed at {point.cut}: mend it and give the same command again"
                )
        return done

    def _judge_one(self, point: Point) -> Outcome:
        raise NotImplementedError

    def key(self, cut: CutAtOperation | CutAtMark) -> Key:
        return Key.of(self.exercise.what, self.exercise.old, self.exercise.new, cut)


def _at_operation(point: Point) -> CutAtOperation:
    if not isinstance(point.cut, CutAtOperation):
        raise UsageError(f"{point.cut} is not at a flash operation")
    return point.cut


class Sweeper(Worker):
    """Cuts at flash operations, each judged by one boot of what the cut leaves."""

    _recording: Recording | None = None

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.exercise)

    @cached_property
    def _interposer(self) -> Any:  # noqa: ANN401 # any of rig.instruments.MODELS
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
            self.settings, recording.journal_sha256, recording.operations, facts, baseline_s
        )
        numbers = choose(self._in_scope(recording.operations), self.settings["points"])
        kinds = tuple(Kind(kind) for kind in self.settings["kinds"])
        chosen = cuts(numbers, kinds, self.settings["seed"])
        self.records.add_points([Point(cut, SHORT) for cut in chosen])
        chance = random.Random(self.settings["seed"])  # noqa: S311 # repeatable, not secret
        sample = [cut for cut in chosen if cut.kind is not Kind.unstable]
        sample = chance.sample(sample, min(self.settings["long"], len(sample)))
        self.records.add_points([Point(cut, LONG) for cut in sample])

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
            trial = self._judge.look(self.recording.allowed(last + 1))
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
        self.records.begin(self.settings, recording.journal_sha256, (), {}, 0.0)

    def _judge_one(self, point: Point) -> Outcome:
        cut = _at_operation(point)
        if point.way == LONG:
            return self._long(point)
        digest = self._interposer.recalled_digest(cut.operation, cut.kind, cut.seed)
        outcome = self._short(point, digest)
        if outcome is Outcome.bench:
            return outcome
        nested = self._nested(cut) if self._is_nested(cut) else 0
        self.records.nested_done(point, nested)
        return outcome

    def _short(self, point: Point, digest: str) -> Outcome:
        """Boot from the flash that the cut left, unless the same flash was judged before.

        Unstable cells are looked at twice, each time as they fell.
        """
        cut = _at_operation(point)
        last = cut.cuts[-1]
        sha256 = None
        if self.records.has_long(point):
            sha256 = self._interposer.recalled_sha256(last.operation, last.kind, last.seed)
        known = self.records.same_flash(digest) if last.kind is not Kind.unstable else None
        allowed = self.recording.allowed(cut.operation)
        if known is not None and self._still_holds(known, allowed):
            record = known["record"] | {"flash_sha256": sha256}
            self._note(point, known["outcome"], digest, record, shared=True)
            return Outcome(known["outcome"])
        self._interposer.recall(last.operation, last.kind, last.seed)
        self._console.forget()
        trial = self._judge.look(allowed, self._boots_expected())
        if last.kind is Kind.unstable and trial.outcome.good:
            again = self._judge.look(allowed, self._boots_expected())
            trial = again if not again.outcome.good else trial
        if not trial.outcome.good:
            trial.console = self._console.tail()
            self.say(f"{trial.outcome.value}: {self.key(cut)}")
        trial.flash_sha256 = sha256
        self._note(point, trial.outcome.value, digest, trial, shared=False)
        return trial.outcome

    def _boots_expected(self) -> int:
        """Return how many boots are no more than needed: a rollback has some of its own."""
        return self.recording.boots if self.exercise.what == "rollback" else 1

    def _still_holds(self, known: dict[str, Any], allowed: tuple[Any, ...]) -> bool:
        """Tell whether the verdict on the same flash fits what is allowed here."""
        held = known["record"].get("held") if known["record"] else None
        if held is None:
            return True
        return (held["value"], held["counter"], held["sessions"]) in [m.state for m in allowed]

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

    def _nested(self, cut: CutAtOperation) -> int:
        """Record the recovery from `cut`, then judge a cut at each of its operations."""
        interposer = self._interposer
        interposer.recall(cut.operation, cut.kind, cut.seed)
        interposer.start_history()
        try:
            first = self._judge.look(self.recording.allowed(cut.operation), self._boots_expected())
            count = interposer.stop_history()
            if not first.outcome.good:
                return 0
            points = [
                Point(
                    CutAtOperation(
                        operation=cut.operation, kind=cut.kind, seed=cut.seed, then=second
                    ),
                    SHORT,
                )
                for second in cuts(
                    range(1, count + 1),
                    [Kind(kind) for kind in self.settings["kinds"]],
                    self.settings["seed"],
                )
            ]
            self.records.add_points(points)
            for point in points:
                if not self.records.is_done(point):
                    last = _at_operation(point).cuts[-1]
                    digest = interposer.recalled_digest(last.operation, last.kind, last.seed)
                    if self._short(point, digest) is Outcome.bench:
                        raise BenchError(f"the bench failed at {point.cut}")
        finally:
            interposer.drop_history()
        return len(points)

    # ---- the long way: the real exercise with the real cut
    def _long(self, point: Point) -> Outcome:
        replayed = LongWay(self.exercise).run(point.cut)
        flash = replayed.flash_sha256 or ""
        self._note(point, replayed.outcome.value, flash, replayed, shared=False)
        return replayed.outcome
