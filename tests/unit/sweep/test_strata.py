# SPDX-License-Identifier: MIT
"""Cuts by the clock: every stratum has its share, the same seed the same plan, no wrong option."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.board.catalogue import Catalogue
from rig.campaign.follower import EndedOn
from rig.cli import main
from rig.errors import BenchError, UsageError
from rig.faults.plan import CutAtMark, CutAtOperation, Kind, parse
from rig.place.file import load
from rig.sweep.exercise import Recording, _nearest
from rig.sweep.key import SweepKey, parse_key
from rig.sweep.operations import TIMED as TIMED_KINDS
from rig.sweep.operations import kinds_of
from rig.sweep.point import TIMED, Point
from rig.sweep.records import SweepRecords
from rig.sweep.strata import AFTER_S, Line, Stratum, digest, points_of, spread, strata_of

ROOT = Path(__file__).resolve().parents[3]
WALNUT = ROOT / "places" / "walnut-1.yaml"
VIRTUAL = ROOT / "places" / "virtual.yaml"
# As an uncut run from 1.0.0 to 2.0.0 told it, most of its progress left out
RUN = """
0.000 download start url=http://10.0.2.2:29110/x
1.700 download progress percent=60
3.100 download done bytes=3000
4.454 staging start release=2.0.0 from=1.0.0 slot=b
15.892 staging progress step=erase percent=10
17.645 staging progress step=write percent=10
19.000 staging progress step=write percent=50
22.603 staging progress step=verify percent=100
22.878 staging done slot=b
22.880 run start
22.950 run commit slot=b
22.974 run reboot
24.733 acceptance start release=2.0.0 slot=b
25.300 boot up release=2.0.0 pending=1
25.909 acceptance done release=2.0.0 slot=b
"""


def lines_of(text: str) -> list[Line]:
    found = []
    for line in text.strip().splitlines():
        at_s, phase, event, *rest = line.split()
        keys = dict(word.split("=", 1) for word in rest)
        found.append(Line(at_s=float(at_s), phase=phase, event=event, keys=keys))
    return found


STRATA = strata_of(lines_of(RUN), "upgrade")
ALWAYS = [place for place, item in enumerate(STRATA) if item.counts_always]


def test_each_line_that_a_plan_can_name_begins_a_stratum() -> None:
    names = [stratum.name for stratum in STRATA]
    assert names[:3] == ["download.start", "download.progress:60%", "download.done"]
    assert names[5:7] == ["staging.write:10%", "staging.write:50%"]
    assert len(names) == len(lines_of(RUN))
    assert STRATA[3].length_s == pytest.approx(15.892 - 4.454)
    assert STRATA[-1].length_s == AFTER_S, "the last line is cut after, too"


def test_strata_are_named_by_what_the_board_is_about() -> None:
    bands = list(dict.fromkeys(stratum.band for stratum in STRATA))
    work = ["download", "check", "erase", "write", "verify"]
    assert bands == [*work, "commit", "boot", "acceptance", "after"]
    assert {STRATA[place].band for place in ALWAYS} == {"commit", "boot", "acceptance", "after"}


def test_a_line_that_a_plan_would_not_wait_for_adds_to_the_stratum_before() -> None:
    """A rollback boots the broken release twice; a plan knows the first time only."""
    rollback = lines_of(
        "0 run reboot\n2 acceptance start\n3 acceptance failed reason=module\n"
        "5 acceptance start\n6 acceptance failed reason=module\n8 acceptance fallback\n"
        "8.5 boot up pending=0"
    )
    strata = strata_of(rollback, "rollback")
    assert [(item.name, item.length_s) for item in strata] == [
        ("run.reboot", 2.0),
        ("acceptance.start", 1.0),
        ("acceptance.failed", 5.0),
        ("acceptance.fallback", 0.5),
        ("boot.up", AFTER_S),
    ]


def test_a_confirmation_begins_with_the_reboot() -> None:
    assert strata_of(lines_of(RUN), "confirm")[0].name == "run.reboot"
    with pytest.raises(BenchError, match="no line to cut at"):
        strata_of([], "upgrade")


def test_every_mark_is_reached_by_its_own_line_and_by_none_before() -> None:
    lines = lines_of(RUN)
    for stratum in STRATA:
        mark = parse(str(stratum.mark))
        assert isinstance(mark, CutAtMark)
        first = next(line for line in lines if mark.reached(line.phase, line.event, line.keys))
        assert first.at_s == stratum.begin_s


@settings(deadline=None)  # a busy computer is no failure
@given(st.integers(1, 200), st.integers(0, 2**32))
def test_there_are_as_many_cuts_as_asked_for_each_inside_its_stratum(count: int, seed: int) -> None:
    drawn = spread(STRATA, count, seed)
    assert len(drawn) == len({str(cut) for _, cut in drawn}) == count
    for place, cut in drawn:
        stratum = STRATA[place]
        crowd_s = 0.001 * sum(other == place for other, _ in drawn)  # in a stratum of 2 ms
        assert 0 <= cut.delay_s <= stratum.length_s + crowd_s
        assert str(cut).startswith(str(stratum.mark))


@settings(deadline=None)  # a busy computer is no failure
@given(st.integers(len(STRATA), 200), st.integers(0, 2**32))
def test_with_enough_cuts_no_stratum_is_left_out(count: int, seed: int) -> None:
    assert {place for place, _ in spread(STRATA, count, seed)} == set(range(len(STRATA)))


@settings(deadline=None)  # a busy computer is no failure
@given(st.integers(len(ALWAYS), len(STRATA)), st.integers(0, 2**32))
def test_commit_and_boot_are_always_in(count: int, seed: int) -> None:
    assert set(ALWAYS) <= {place for place, _ in spread(STRATA, count, seed)}


@pytest.mark.parametrize(("count", "wanted"), [(12, 2.2), (150, 65.0)])
def test_a_stratum_has_its_time_s_share_of_the_cuts(count: int, wanted: float) -> None:
    """11.4 s of 26.4 s, for the 5 cuts that are left of 12, and for 150."""
    places = [place for place, _ in spread(STRATA, count, 1)]
    check = next(place for place, item in enumerate(STRATA) if item.band == "check")
    assert places.count(check) == pytest.approx(wanted, rel=0.1, abs=1.0)


def test_the_same_seed_draws_the_same_cuts_and_another_seed_others() -> None:
    assert spread(STRATA, 20, 7) == spread(STRATA, 20, 7)
    assert spread(STRATA, 20, 7) != spread(STRATA, 20, 8)


def test_several_cuts_of_a_stratum_are_spread_over_it() -> None:
    stratum = Stratum(mark=CutAtMark(phase="staging", event="start"), begin_s=0.0, length_s=10.0)
    delays = [cut.delay_s for _, cut in spread([stratum], 5, 3)]
    assert [int(delay_s / 2) for delay_s in delays] == [0, 1, 2, 3, 4]


def test_strata_survive_the_records_and_have_a_digest() -> None:
    again = [Stratum.from_json(item.to_json()) for item in STRATA]
    assert tuple(again) == STRATA
    assert digest(again) == digest(STRATA) != digest(STRATA[1:])


def test_points_are_a_number_and_its_seed() -> None:
    assert points_of("20", 4) == (20, 4)
    assert points_of("20:9", 4) == (20, 9)


@pytest.mark.parametrize("text", ["all", "log", "commit", "commit:3", "0", "5:", ""])
def test_points_of_operations_are_refused_for_timed_cuts(text: str) -> None:
    with pytest.raises(UsageError, match="--points of timed cuts is N or N:seed"):
        points_of(text, 1)


def test_timed_is_a_kind_of_its_own() -> None:
    assert kinds_of("timed") == TIMED_KINDS


@pytest.mark.parametrize(
    ("place", "words", "said"),
    [
        (WALNUT, ["--kinds", "torn"], "has no interposer"),
        (WALNUT, ["--kinds", "timed,after"], "two sweeps"),
        (WALNUT, ["--points", "all"], "no flash operation is seen"),
        (WALNUT, ["--nested", "2"], "timed cuts know no operation"),
        (WALNUT, ["--long", "3"], "no short way"),
        (WALNUT, ["--what", "data"], "data prints no line"),
        (WALNUT, ["--what", "prom"], "of upgrade, downgrade, confirm, rollback"),
        (VIRTUAL, ["--kinds", "timed", "--points", "log"], "--points of timed cuts"),
    ],
)
def test_what_a_timed_sweep_cannot_be_is_refused_before_anything_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: Path, words: list[str], said: str
) -> None:
    ends = ["--place", str(place), "--from", "1.0.0", "--to", "2.0.0"]
    assert main(["sweep", *ends, "--report", str(tmp_path), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_cut_at_an_operation_is_not_replayed_without_an_interposer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    catalogue = Catalogue.load(load(WALNUT).firmware_index)
    old, new = catalogue.release("1.0.0"), catalogue.release("2.0.0")
    key = SweepKey.of("upgrade", old, new, CutAtOperation(operation=9, kind=Kind.after))
    assert main(["replay", str(key), "--place", str(WALNUT)]) == 2
    assert "has no interposer" in capsys.readouterr().err


def test_a_timed_key_reads_back() -> None:
    plan = CutAtMark(phase="staging", event="write", percent=40, delay_ms=120)
    key = SweepKey(
        what="upgrade", old="1.0.0", old_hash="a1", new="2.0.0", new_hash="b2", plan=plan
    )
    assert parse_key(str(key)) == key


def test_drawn_cuts_are_claimed_in_order_with_their_stratum(tmp_path: Path) -> None:
    records = SweepRecords(tmp_path / "sweep.sqlite")
    points = [Point(cut, TIMED, place + 1) for place, cut in spread(STRATA, 9, 1)]
    records.begin({"what": "upgrade"}, digest(STRATA), (), {}, 1.0, points)
    claimed = []
    while point := records.claim("one"):
        claimed.append(point)
    assert claimed == points
    records.release_claims()
    assert records.claim("two") == points[0], "what a killed worker had taken is done again"


def recording(*times_s: float) -> Recording:
    return Recording(
        operations=(),
        base_sha256="",
        marks=(),
        ended_on=EndedOn.done,
        boots=1,
        duration_s=9.0,
        times_s=times_s,
        began_doubt_s=0.002,
    )


def test_a_moment_is_replayed_as_the_operation_that_was_not_done_by_then() -> None:
    found = _nearest(recording(1.0, 2.0, 3.5), 2.25)
    assert str(found.cut) == "cut@op:3/before"
    assert str(found) == "cut@op:3/before, done 1250.0 ms later (± 2.0 ms)"


def test_a_moment_after_all_operations_is_replayed_after_the_last() -> None:
    found = _nearest(recording(1.0, 2.0), 2.5)
    assert str(found) == "cut@op:2/after, done 500.0 ms earlier (± 2.0 ms)"
