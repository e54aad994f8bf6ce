# SPDX-License-Identifier: MIT
"""What a sweep's worker makes of what its board shows; no board: looks are told beforehand."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.board.walnut.service import Mark
from rig.campaign.follower import EndedOn
from rig.errors import BenchError
from rig.faults.outcome import Outcome
from rig.faults.plan import CutAtOperation, Kind
from rig.sweep.exercise import Exercise, Recording
from rig.sweep.operation_worker import BASELINES, Sweeper
from rig.sweep.operations import cuts
from rig.sweep.point import LONG, SHORT, Point
from rig.sweep.real_cut import Replayed
from rig.sweep.recalled_cut import JudgedCut
from rig.sweep.records import SweepRecords
from tests.unit.sweep.test_operations import OPERATIONS

COMMIT, FIRST = 42, 1  # an operation whose recovery is always cut, and one whose never is
SETTINGS: dict[str, Any] = {
    "what": "upgrade",
    "points": "all",
    "kinds": ["after"],
    "seed": 1,
    "nested": 2,
    "long": 0,
}


def mark(value: int) -> Mark:
    return Mark(value=value, counter=value, sessions=1, release="1.0.0")


class FakeInterposer:
    """Histories that are stacked, and no state of one that was not started or has no such cut."""

    def __init__(self, recovery: int) -> None:
        self.recovery = recovery  # operations of a board that comes back
        self.flashes: dict[tuple[int, str], str] = {}  # digests that are not their cut's own
        self.lengths = [len(OPERATIONS)]
        self.records = False

    def start_history(self) -> None:
        self.lengths.append(self.recovery)
        self.records = True

    def stop_history(self) -> int:
        assert self.records
        self.records = False
        return self.lengths[-1]

    def drop_history(self) -> None:
        self.records = False
        self.lengths.pop()

    def recall(self, operation: int, kind: Kind, seed: int = 0) -> None:
        assert 1 <= operation <= self.lengths[-1]
        assert not self.records

    def recalled_digest(self, operation: int, kind: Kind, seed: int = 0) -> str:
        self.recall(operation, kind, seed)
        own = f"{len(self.lengths)}:{operation}/{kind.value}"
        return self.flashes.get((operation, kind.value), own)

    def recalled_sha256(self, operation: int, kind: Kind, seed: int = 0) -> str:
        return f"sha256 of {self.recalled_digest(operation, kind, seed)}"


class FakeConsole:
    """A board that says one line each time it is looked at."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def forget(self) -> None:
        self.lines.clear()

    def tail(self) -> list[str]:
        return list(self.lines)


class Looks:
    """Stands for `CutJudge` and `RealCut`: gives the outcomes that it was told, in turn."""

    def __init__(self, console: FakeConsole) -> None:
        self.outcomes: list[Outcome] = []
        self.held = mark(2)
        self.expected: list[int] = []
        self._console = console

    def look(self, allowed: tuple[Mark, ...], boots_expected: int = 1) -> JudgedCut:
        self.expected.append(boots_expected)
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome.old
        self._console.lines.append(f"the board is {outcome.value}")
        held = self.held if outcome in {Outcome.old, Outcome.lost_state} else None
        return JudgedCut(outcome=outcome, release="1.0.0", boots=1, held=held)

    def run(self, cut: object) -> Replayed:
        trial = self.look(())
        return Replayed(outcome=trial.outcome, release="1.0.0", flash_sha256="f")


class Bench:
    """A sweeper whose place, console and judgement are fakes."""

    def __init__(self, path: Path, what: str = "upgrade", marks: tuple[int, ...] = (0,)) -> None:
        self.interposer = FakeInterposer(recovery=2)
        self.console = FakeConsole()
        self.looks = Looks(self.console)
        self.records = SweepRecords(path / "sweep.sqlite")
        self.settings = SETTINGS | {"what": what}
        self.what = what
        self.own_boots = 0
        self.rescued: list[str] = []
        self.recording = Recording(
            operations=OPERATIONS,
            base_sha256="",
            marks=tuple((count, mark(2 + place)) for place, count in enumerate(marks)),
            ended_on=EndedOn.done,
            boots=3,
            duration_s=9.0,
        )

    def sweeper(self) -> Sweeper:
        place = SimpleNamespace(
            name="fake",
            need=lambda _: self.interposer,
            rescue=lambda release: self.rescued.append(release.name),
        )
        exercise = SimpleNamespace(
            what=self.what,
            own_boots=self.own_boots,
            old=SimpleNamespace(name="1.0.0", golden_sha256="a" * 64),
            new=SimpleNamespace(bundle_sha256="b" * 64, __str__=lambda: "2.0.0"),
            place=place,
            record=lambda: self.recording,
        )
        sweeper = Sweeper(
            cast("Exercise", exercise),
            self.records,
            self.settings,
            lambda _: None,
            cast("Any", self.console),
        )
        sweeper.judge = cast("Any", self.looks)
        sweeper.long_way = cast("Any", self.looks)
        return sweeper

    def work(self, *points: Point) -> None:
        """Judge these points as a worker would that takes up a planned sweep."""
        if self.records.sweep() is None:
            sha256 = self.recording.journal_sha256
            self.records.begin(self.settings, sha256, OPERATIONS, {}, 1.0, points)
        sweeper = self.sweeper()
        sweeper.resume()
        sweeper.work(os.getppid())

    def found(self, point: Point) -> dict[str, Any]:
        (row,) = [
            row
            for row in self.records.points()
            if (row["plan"], row["way"]) == (str(point.cut), point.way)
        ]
        return row


def short(operation: int, kind: Kind = Kind.after) -> Point:
    (cut,) = cuts([operation], [kind], 1)
    return Point(cut, SHORT)


def nested(operation: int, second: int) -> Point:
    then = CutAtOperation(operation=second, kind=Kind.after)
    return Point(CutAtOperation(operation=operation, kind=Kind.after, then=then), SHORT)


# ---- cuts in the recovery
def test_each_operation_of_a_recovery_is_cut_after_the_point_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    bench.work(short(COMMIT))

    assert bench.found(short(COMMIT))["nested"] == 2
    assert [bench.found(nested(COMMIT, n))["outcome"] for n in (1, 2)] == ["old", "old"]
    assert bench.records.is_finished()
    assert len(bench.interposer.lengths) == 1, "the recovery's history is dropped"


def test_a_bench_that_fails_while_a_recovery_is_recorded_has_the_point_judged_again(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    bench.looks.outcomes = [Outcome.old, Outcome.bench]

    with pytest.raises(BenchError, match="op:42"):
        bench.work(short(COMMIT))

    assert not bench.records.is_finished()
    bench.records.release_claims()
    assert [item["plan"] for item in bench.records.bench_failures()] == [str(short(COMMIT).cut)]
    bench.work()
    assert bench.found(short(COMMIT))["nested"] == 2
    assert bench.records.is_finished()


def test_a_board_that_is_good_once_and_not_again_is_not_good(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.looks.outcomes = [Outcome.old, Outcome.bricked]

    bench.work(short(COMMIT))

    found = bench.found(short(COMMIT))
    assert (found["outcome"], found["nested"]) == ("bricked", 0)
    assert found["record"]["console"] == ["the board is bricked"]
    assert found["record"]["flash_sha256"] == "sha256 of 1:42/after"
    assert bench.records.is_finished()


def test_what_was_left_to_cut_in_a_recovery_goes_when_the_board_is_bad_the_next_time(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    bench.looks.outcomes = [Outcome.old, Outcome.old, Outcome.old, Outcome.bench]
    with pytest.raises(BenchError, match="op:42/after,op:2/after"):
        bench.work(short(COMMIT))
    bench.records.release_claims()
    bench.looks.outcomes = [Outcome.bricked]

    bench.work()

    assert bench.found(short(COMMIT))["outcome"] == "bricked"
    assert bench.found(nested(COMMIT, 1))["outcome"] == "old", "what was judged stays"
    assert bench.records.is_finished()


# ---- verdicts on the same flash
def same_flash(bench: Bench, *operations: int) -> None:
    for operation in operations:
        bench.interposer.flashes[operation, "after"] = "the same"


@pytest.mark.parametrize(
    ("outcome", "held", "marks", "shared"),
    [
        (Outcome.old, 2, (0,), True),
        (Outcome.old, 2, (0, 1, 2), False),  # 2 is not allowed any more after operation 2
        (Outcome.bricked, 2, (0,), True),
        (Outcome.bricked, 2, (0, 1), False),
        (Outcome.lost_state, 3, (0, 1), False),  # 3 is allowed there, so it is not lost there
    ],
)
def test_a_verdict_is_shared_where_it_would_be_given_again(
    tmp_path: Path, outcome: Outcome, held: int, marks: tuple[int, ...], shared: bool
) -> None:
    bench = Bench(tmp_path, marks=marks)
    bench.looks.held = mark(held)
    same_flash(bench, 1, 3)
    bench.looks.outcomes = [outcome]

    bench.work(short(1), short(3))

    assert bench.found(short(1))["outcome"] == outcome.value
    assert bool(bench.found(short(3))["shared"]) is shared
    assert bench.found(short(3))["outcome"] == (outcome.value if shared else "old")


def test_a_bad_outcome_has_the_flash_and_the_last_words_and_a_good_one_needs_neither(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    bench.looks.outcomes = [Outcome.old, Outcome.mixed]

    bench.work(short(1), short(2))

    good, bad = (bench.found(short(n))["record"] for n in (1, 2))
    assert (good["flash_sha256"], good["console"]) == (None, [])
    assert bad["flash_sha256"] == "sha256 of 1:2/after"
    assert bad["console"] == ["the board is mixed"]


# ---- the long way
@pytest.mark.parametrize(("own_boots", "expected"), [(0, 1), (3, 3)])
def test_boots_that_a_rollback_has_of_its_own_are_no_more_than_needed(
    tmp_path: Path, own_boots: int, expected: int
) -> None:
    bench = Bench(tmp_path, "rollback")
    bench.own_boots = own_boots

    bench.work(short(FIRST))

    assert bench.looks.expected == [expected]


def test_a_real_cut_that_ends_badly_keeps_the_boards_last_words(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.looks.outcomes = [Outcome.silent]
    point = Point(short(FIRST).cut, LONG)

    bench.work(point)

    assert bench.found(point)["record"]["console"] == ["the board is silent"]


# ---- planning and ending
@pytest.mark.parametrize(
    ("outcomes", "rescued"),
    [
        ([Outcome.old, Outcome.bricked], ["1.0.0"]),
        ([Outcome.bricked, Outcome.old], []),
        ([Outcome.old, Outcome.old], []),
    ],
)
@pytest.mark.parametrize("way", [SHORT, LONG])
def test_a_board_that_the_last_boot_left_bad_is_rescued(
    tmp_path: Path, way: str, outcomes: list[Outcome], rescued: list[str]
) -> None:
    bench = Bench(tmp_path)
    bench.looks.outcomes = list(outcomes)

    bench.work(*(Point(short(number).cut, way) for number in (FIRST, FIRST + 1)))

    assert bench.rescued == rescued


@pytest.mark.parametrize(("asked", "planned"), [(3, 3), (1000, len(OPERATIONS))])
def test_as_many_real_cuts_are_planned_as_asked_for_or_there_can_be(
    tmp_path: Path, asked: int, planned: int
) -> None:
    """An unstable cut cannot be made again: its cells fall as they like."""
    bench = Bench(tmp_path)
    bench.settings |= {"long": asked, "kinds": ["unstable", "after"]}
    bench.looks.outcomes = [Outcome.old] * BASELINES

    bench.sweeper().plan()

    points = bench.records.points()
    assert len([point for point in points if point["way"] == LONG]) == planned
    assert len([point for point in points if point["way"] == SHORT]) == 2 * len(OPERATIONS)


def test_cuts_that_leave_one_flash_are_not_judged_side_by_side(tmp_path: Path) -> None:
    """The flash before an operation is that after the one before it: the latter goes first."""
    bench = Bench(tmp_path)
    bench.settings |= {"long": 0, "kinds": ["before", "after"]}
    bench.looks.outcomes = [Outcome.old] * BASELINES

    bench.sweeper().plan()

    claimed = [bench.records.claim(f"board {number}") for number in range(2 * len(OPERATIONS))]
    kinds = [point.cuts[-1].kind for point in claimed if point]
    assert kinds == [Kind.after] * len(OPERATIONS) + [Kind.before] * len(OPERATIONS)


def test_a_worker_whose_command_was_killed_before_it_began_judges_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    sha256 = bench.recording.journal_sha256
    bench.records.begin(bench.settings, sha256, OPERATIONS, {}, 1.0, [short(FIRST)])
    sweeper = bench.sweeper()
    sweeper.resume()

    assert sweeper.work(os.getpid()) == 0, "this process did not start itself"

    assert bench.records.claim("another") == short(FIRST), "the point is left to others"
