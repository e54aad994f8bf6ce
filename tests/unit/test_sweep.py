# SPDX-License-Identifier: MIT
"""Which points a sweep has, what they are called, and that a key says all of a trial."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import BenchError, UsageError
from rig.exercise import Recording
from rig.faults import CutAtOperation, Kind
from rig.release import FlashMap
from rig.service import Mark
from rig.sweep import KEY_FORMAT, Key, Labelled, choose, cuts, kinds_of, label, parse_key
from rig.sweep_records import LONG, SHORT, Point, SweepRecords

MAP = FlashMap.load()
SLOT, ENV, REDUND = (MAP.partition(name).offset for name in ("slot-b", "env", "env-redund"))
# erase and write the slot, commit to one environment, count the boot in the other, confirm
JOURNAL = [
    (1, "ERASE", SLOT, 65536, "a"),
    *[(number, "PROGRAM", SLOT + 2048 * number, 2048, "b") for number in range(2, 41)],
    (41, "ERASE", REDUND, 65536, "c"),
    (42, "PROGRAM", ENV, 512, "d"),
    (43, "ERASE", ENV, 65536, "e"),
    (44, "ERASE", REDUND, 65536, "f"),
]
HEARD = [
    (0, "staging.start"),
    (40, "staging.done"),
    (40, "run.start"),
    (42, "run.commit"),
    (42, "boot.prom"),
    (43, "acceptance.start"),
]
OPERATIONS = label(JOURNAL, HEARD, MAP)


def test_operations_are_named_by_what_the_board_had_said() -> None:
    phases = {item.number: (item.phase, item.partition) for item in OPERATIONS}
    assert phases[1] == ("staging erase", "slot-b")
    assert phases[2] == ("staging program", "slot-b")
    assert phases[41] == ("commit", "env-redund")
    assert phases[42] == ("commit", "env")
    assert phases[43] == ("boot count", "env")
    assert phases[44] == ("confirm", "env-redund")


@pytest.mark.parametrize("points", ["log", "3", "3:7", "all"])
def test_commit_environments_and_last_operation_are_always_in(points: str) -> None:
    assert {41, 42, 43, 44} <= set(choose(OPERATIONS, points))


def test_log_doubles_and_all_leaves_nothing_out() -> None:
    assert choose(OPERATIONS, "log") == (1, 2, 4, 8, 16, 32, 41, 42, 43, 44)
    assert choose(OPERATIONS, "all") == tuple(range(1, 45))


def test_a_sample_is_repeated_by_its_seed() -> None:
    assert choose(OPERATIONS, "9:5") == choose(OPERATIONS, "9:5")
    assert choose(OPERATIONS, "9:5") != choose(OPERATIONS, "9:6")


def test_a_phase_picks_its_own_operations_alone() -> None:
    assert choose(OPERATIONS, "commit") == (41, 42)
    assert choose(OPERATIONS, "staging-program:3") == (2, 21, 40)


@pytest.mark.parametrize("points", ["", "0", "some", "5:", "log2"])
def test_other_points_are_refused(points: str) -> None:
    with pytest.raises(UsageError, match="--points"):
        choose(OPERATIONS, points)


def test_kinds_come_in_the_order_of_the_flash() -> None:
    assert kinds_of("after,before") == (Kind.before, Kind.after)
    with pytest.raises(UsageError, match="two sweeps"):
        kinds_of("torn,timed")
    assert [str(cut) for cut in cuts([7], kinds_of("torn,after"), 3)] == [
        "cut@op:7/torn:seed=3",
        "cut@op:7/after",
    ]


names = st.from_regex(r"\d{1,3}\.\d{1,3}\.\d{1,3}", fullmatch=True)
hashes = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)


@given(names, hashes, names, hashes, st.integers(1, 9999), st.integers(1, 99))
def test_a_key_reads_back(
    old: str, old_hash: str, new: str, new_hash: str, operation: int, nested: int
) -> None:
    second = CutAtOperation(operation=nested, kind=Kind.after)
    plan = CutAtOperation(operation=operation, kind=Kind.torn, seed=4, then=second)
    key = Key(what="upgrade", old=old, old_hash=old_hash, new=new, new_hash=new_hash, plan=plan)
    assert parse_key(str(key)) == key


def test_a_key_of_another_version_of_the_rig_is_named() -> None:
    text = "walnut0/upgrade/1.0.0@aa/2.0.0@bb/cut@op:1/after"
    with pytest.raises(UsageError, match=f"walnut0, this one reads {KEY_FORMAT}"):
        parse_key(text)
    with pytest.raises(UsageError, match="not a replay key"):
        parse_key("cut@op:1/after")


def mark(value: int) -> Mark:
    return Mark(value=value, counter=value, sessions=1, release="1.0.0")


def test_after_a_cut_the_state_is_the_promised_one_or_the_next() -> None:
    recording = Recording(
        operations=(),
        base_sha256="",
        marks=((0, mark(2)), (3, mark(3)), (6, mark(4))),
        ended_on="stored",
        boots=0,
        duration_s=1.0,
    )
    assert [item.value for item in recording.allowed(1)] == [2, 3]
    assert [item.value for item in recording.allowed(3)] == [2, 3]
    assert [item.value for item in recording.allowed(4)] == [3, 4]
    assert [item.value for item in recording.allowed(7)] == [4]


# ---- records
CUTS = cuts([1, 2], [Kind.before, Kind.after], 1)


@pytest.fixture
def records(tmp_path: Path) -> SweepRecords:
    records = SweepRecords(tmp_path / "sweep.sqlite")
    records.begin({"what": "upgrade"}, "j" * 64, OPERATIONS, {}, 1.0)
    records.add_points([Point(cut, SHORT) for cut in CUTS])
    records.add_points([Point(CUTS[0], LONG)])
    return records


def judge(records: SweepRecords, point: Point, outcome: str = "old") -> None:
    records.judged(
        point,
        outcome=outcome,
        flash=f"flash of {point.cut}",
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
        records.begin({"what": "downgrade"}, "j" * 64, (), {}, 1.0)
    with pytest.raises(UsageError, match="another journal"):
        records.begin({"what": "upgrade"}, "k" * 64, (), {}, 1.0)


def test_a_full_disk_says_so_and_keeps_what_was_judged(records: SweepRecords) -> None:
    """SQLite's own page limit stands for the disk's."""
    point = records.claim("one")
    assert point
    judge(records, point)
    pages = records._database.execute("PRAGMA page_count").fetchone()[0]
    records._database.execute(f"PRAGMA max_page_count = {pages}")
    many = [Point(cut, SHORT) for cut in cuts(range(10, 5000), [Kind.after], 1)]
    with pytest.raises(BenchError, match="free space"):
        records.add_points(many)
    kept = SweepRecords(records.path).points()
    assert [item["outcome"] for item in kept if item["plan"] == str(point.cut)][:1] == ["old"]


def test_labels_survive_the_records(records: SweepRecords) -> None:
    found: list[Labelled] = records.operations()
    assert tuple(found) == OPERATIONS
