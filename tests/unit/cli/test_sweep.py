# SPDX-License-Identifier: MIT
"""The command that sweeps: alone in its folder, and what it says before it starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from rig.board.flash_map import FlashMap
from rig.cli.sweep import alone
from rig.errors import BenchError
from rig.sweep.operations import cuts, kinds_of
from rig.sweep.point import LONG, SHORT, Point
from rig.sweep.preview import described, operation_lines
from rig.sweep.records import SweepRecords
from tests.unit.helpers.recorded import judge
from tests.unit.sweep.test_operations import OPERATIONS


def test_a_second_sweep_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        alone(tmp_path, 0.0),
        pytest.raises(BenchError, match="another sweep"),
        alone(tmp_path, 0.0),
    ):
        pass
    with alone(tmp_path, 0.0):
        pass


def test_a_worker_that_outlives_its_command_keeps_the_folder(tmp_path: Path) -> None:
    """Its point is in hand: nobody may give it back and judge it a second time."""
    with alone(tmp_path, 0.0) as lock:
        worker = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,)
        )
    try:
        with pytest.raises(BenchError, match="a worker that one left behind"), alone(tmp_path, 0.0):
            pass
    finally:
        worker.communicate(b"\n")
    with alone(tmp_path, 0.0):
        pass


def test_operations_are_named_by_phase_partition_sectors_and_what_they_are() -> None:
    head, *lines = operation_lines(OPERATIONS, FlashMap.load())

    assert head == "44 flash operations:"
    words = [" ".join(line.split()) for line in lines]
    assert words == [
        "1 staging erase in slot-b sector 0 1 erase 0 program, from operation 1 on",
        "39 staging program in slot-b sectors 0-1 0 erase 39 program, from operation 2 on",
        "1 commit in env-redund sector 0 1 erase 0 program, from operation 41 on",
        "1 commit in env sector 0 0 erase 1 program, from operation 42 on",
        "1 boot count in env sector 0 1 erase 0 program, from operation 43 on",
        "1 confirm in env-redund sector 0 1 erase 0 program, from operation 44 on",
    ]


def test_a_real_cut_costs_the_run_that_was_recorded(tmp_path: Path) -> None:
    """Three boots of 2 s, and one run of 56 s between two boots: 66 s."""
    records = SweepRecords(tmp_path / "sweep.sqlite")
    chosen = cuts([1, 2], kinds_of("torn,after"), 1)
    points = [*(Point(cut, SHORT) for cut in chosen), Point(chosen[0], LONG)]
    recording = {"times_s": [1.0, 56.0]}
    records.begin({"nested": 1}, "j" * 64, OPERATIONS, recording, 2.0, points)
    judge(records, points[0], "old", {})

    *_, last = described(records, 1)

    assert last.startswith("5 points, 1 done; a boot takes 2.00 s on an idle computer, a real cut")
    assert last.endswith("60 s, so about 1 min on 1 board(s)")


def test_a_cut_that_leaves_anothers_flash_costs_no_boot(tmp_path: Path) -> None:
    """Before 1, after 1, after 2 are three flashes; before 2 is after 1: three boots of 20 s."""
    records = SweepRecords(tmp_path / "sweep.sqlite")
    points = [Point(cut, SHORT) for cut in cuts([1, 2], kinds_of("before,after"), 1)]
    records.begin({"nested": 2}, "j" * 64, OPERATIONS, {"times_s": [1.0]}, 20.0, points)

    *_, last = described(records, 1)

    assert last.endswith("so about 1 min, and the cuts in recoveries besides, on 1 board(s)")
