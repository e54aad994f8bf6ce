# SPDX-License-Identifier: MIT
"""A sweep's records: no point twice, none lost, a plan whole or not at all, whatever is killed."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.errors import BenchError, UsageError
from rig.faults.plan import Kind
from rig.sweep.operations import Labelled, cuts
from rig.sweep.point import LONG, SHORT, Point
from rig.sweep.records import SweepRecords
from tests.unit.sweep.test_operations import OPERATIONS

CUTS = cuts([1, 2], [Kind.before, Kind.after], 1)


@pytest.fixture
def records(tmp_path: Path) -> SweepRecords:
    records = SweepRecords(tmp_path / "sweep.sqlite")
    points = [*(Point(cut, SHORT) for cut in CUTS), Point(CUTS[0], LONG)]
    records.begin({"what": "upgrade"}, "j" * 64, OPERATIONS, {}, 1.0, points)
    return records


def judge(records: SweepRecords, point: Point, outcome: str = "old", flash: str = "") -> None:
    records.judged(
        point,
        outcome=outcome,
        flash=flash or f"flash of {point.cut}",
        shared=False,
        boots=1,
        duration_s=1.0,
        record={},
        owner="me",
    )
    if point.way == SHORT:
        records.nested_done(point, 0)


def test_no_point_is_given_to_two_workers(records: SweepRecords) -> None:
    other = SweepRecords(records.path)
    taken = []
    while (point := records.claim("one")) and (second := other.claim("two")):
        taken += [point, second]
    taken += [point] if point else []
    assert len(taken) == len(set(taken)) == len(CUTS) + 1


def test_what_a_killed_worker_had_taken_is_done_again_and_nothing_else(
    records: SweepRecords,
) -> None:
    first, second = records.claim("one"), records.claim("one")
    assert first
    judge(records, first)
    records.release_claims()
    left = []
    while point := records.claim("two"):
        left.append(point)
    assert second in left
    assert first not in left
    assert len(left) == len(CUTS)


def test_a_bench_failure_is_never_shared_as_a_verdict(records: SweepRecords) -> None:
    point = records.claim("one")
    assert point
    judge(records, point, "bench")
    assert records.same_flash(f"flash of {point.cut}") is None


def test_a_bench_failure_is_judged_again_on_resume(records: SweepRecords) -> None:
    point = records.claim("one")
    assert point
    judge(records, point, "bench")
    records.release_claims()
    left = []
    while again := records.claim("two"):
        left.append(again)
    assert point in left


def test_a_sweep_whose_last_point_the_bench_failed_is_not_finished(records: SweepRecords) -> None:
    while point := records.claim("one"):
        assert not records.is_finished()
        judge(records, point)
    assert records.is_finished()
    judge(records, point := Point(CUTS[0], LONG), "bench")
    assert not records.is_finished(), f"{point.cut} is judged again"


def test_a_sweep_of_something_else_is_refused(records: SweepRecords) -> None:
    with pytest.raises(UsageError, match="holds another sweep"):
        records.check({"what": "downgrade"}, "j" * 64)
    with pytest.raises(UsageError, match="another journal"):
        records.check({"what": "upgrade"}, "k" * 64)
    records.check({"what": "upgrade"}, "j" * 64)


def test_a_full_disk_says_so_and_keeps_what_was_judged(records: SweepRecords) -> None:
    """SQLite's own page limit stands for the disk's."""
    point = records.claim("one")
    assert point
    judge(records, point)
    pages = records.database.execute("PRAGMA page_count").fetchone()[0]
    records.database.execute(f"PRAGMA max_page_count = {pages}")
    many = [Point(cut, SHORT) for cut in cuts(range(10, 5000), [Kind.after], 1)]
    with pytest.raises(BenchError, match="free space"):
        records.add_points(many)
    kept = SweepRecords(records.path).points()
    assert [item["outcome"] for item in kept if item["plan"] == str(point.cut)][:1] == ["old"]


def test_labels_survive_the_records(records: SweepRecords) -> None:
    found: list[Labelled] = records.operations()
    assert tuple(found) == OPERATIONS


def test_a_plan_that_is_killed_half_way_is_no_plan(tmp_path: Path) -> None:
    def killed() -> Iterator[Point]:
        yield Point(CUTS[0], SHORT)
        raise KeyboardInterrupt

    records = SweepRecords(tmp_path / "sweep.sqlite")

    with pytest.raises(KeyboardInterrupt):
        records.begin({"what": "upgrade"}, "j" * 64, OPERATIONS, {}, 1.0, killed())

    left = SweepRecords(tmp_path / "sweep.sqlite")
    assert left.sweep() is None
    assert (left.operations(), left.points()) == ([], [])


def test_a_sweep_whose_last_recovery_was_not_cut_is_not_finished(records: SweepRecords) -> None:
    """Killed between the verdict on the last point and the points of its recovery."""
    while point := records.claim("one"):
        records.judged(
            point,
            outcome="old",
            flash="f",
            shared=False,
            boots=1,
            duration_s=1.0,
            record={},
            owner="one",
        )
        if point.way == SHORT and point.cut != CUTS[-1]:
            records.nested_done(point, 0)

    assert not records.is_finished()
    records.release_claims()
    assert records.claim("two") == Point(CUTS[-1], SHORT)


def test_an_unstable_flash_lends_its_verdict_to_none(records: SweepRecords) -> None:
    unstable, torn = cuts([7], [Kind.unstable, Kind.torn], 1)
    records.add_points([Point(unstable, SHORT), Point(torn, SHORT)])
    for cut in (unstable, torn):
        judge(records, Point(cut, SHORT), flash="the same")
        found = records.same_flash("the same")
        assert (found and found["plan"]) == (str(torn) if cut is torn else None)


def test_how_long_runs_took_leaves_out_what_lies_between_them(records: SweepRecords) -> None:
    """The second was killed: it took as long as until its last verdict."""
    with sqlite3.connect(records.path) as database:
        database.execute("INSERT INTO run VALUES (1, 100.0, 190.0)")
    records.begin_run()
    with sqlite3.connect(records.path) as database:
        database.execute("UPDATE run SET began_at_s = began_at_s - 1000 WHERE id = 2")
        database.execute("UPDATE run SET ended_at_s = began_at_s WHERE id = 2")
    assert records.worked_s() == pytest.approx(90.0)

    judge(records, Point(CUTS[0], SHORT))

    assert 1090.0 <= records.worked_s() < 1190.0
