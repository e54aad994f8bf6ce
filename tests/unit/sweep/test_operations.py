# SPDX-License-Identifier: MIT
"""Which points a sweep has, what they are called, and that a key says all of a trial."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.board.flash_map import FlashMap
from rig.board.walnut.service import Mark
from rig.campaign.follower import EndedOn
from rig.errors import UsageError
from rig.faults.plan import KEY_FORMAT, CutAtOperation, Kind
from rig.sweep.exercise import Recording
from rig.sweep.key import SweepKey, parse_key
from rig.sweep.operations import choose, cuts, kinds_of, label

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


@settings(deadline=None)  # a busy computer is no failure
@given(names, hashes, names, hashes, st.integers(1, 9999), st.integers(1, 99))
def test_a_key_reads_back(
    old: str, old_hash: str, new: str, new_hash: str, operation: int, nested: int
) -> None:
    second = CutAtOperation(operation=nested, kind=Kind.after)
    plan = CutAtOperation(operation=operation, kind=Kind.torn, seed=4, then=second)
    key = SweepKey(
        what="upgrade", old=old, old_hash=old_hash, new=new, new_hash=new_hash, plan=plan
    )
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
        ended_on=EndedOn.stored,
        boots=0,
        duration_s=1.0,
    )
    assert [item.value for item in recording.allowed(1)] == [2, 3]
    assert [item.value for item in recording.allowed(3)] == [2, 3]
    assert [item.value for item in recording.allowed(4)] == [3, 4]
    assert [item.value for item in recording.allowed(7)] == [4]
