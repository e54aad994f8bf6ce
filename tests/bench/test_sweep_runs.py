# SPDX-License-Identifier: MIT
"""Small sweeps as a user starts them: whole, killed and resumed, on a bench that fails."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rig.cli import main
from rig.clock import Deadline, SystemClock
from rig.errors import BenchError
from rig.place.place import Place
from rig.sweep.records import SweepRecords
from tests.bench.conftest import ROOT, Bench, run_rig, start_rig

pytestmark = pytest.mark.timeout(300)

WALNUT = ROOT / "places" / "walnut-1.yaml"
DATA = ("--from", "1.0.0", "--what", "data", "--kinds", "torn,after", "--no-allure")
PROM = ("--from", "1.0.0", "--to", "2023.01-walnut2", "--what", "prom", "--kinds", "torn,after")


def sweep_words(place: Path, folder: Path, *more: object) -> list[object]:
    return ["sweep", "--place", place, "--report", folder, *DATA, *more]


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "sweep.json").read_text())
    return found


def wait_for_verdicts(child: subprocess.Popen[bytes], folder: Path, count: int) -> None:
    clock = SystemClock()
    deadline = Deadline.after(clock, 150.0)
    database = folder / "sweep.sqlite"
    while not database.exists() or SweepRecords(database).progress()["done"] < count:
        assert child.poll() is None, "the sweep ended before it was to be disturbed"
        assert not deadline.passed, f"not {count} verdicts in time"
        clock.sleep(0.1)


def test_cuts_in_the_state_are_judged_both_ways_and_agree(bench: Bench, tmp_path: Path) -> None:
    place, folder = bench.place_file(tmp_path), tmp_path / "sweep"
    words = sweep_words(place, folder, "--points", 3, "--long", 2)

    done = run_rig(*words)

    assert done.returncode == 0, done.stdout + done.stderr
    summary = summary_of(folder)
    assert summary["judged"] == summary["points"] >= 8
    assert summary["long"] == {"points": 2, "differing": []}
    assert not bench.board["powered"]
    again = run_rig(*words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert summary_of(folder) == summary, "a finished sweep is not swept again"


def test_a_sweep_that_is_killed_goes_on_where_it_was(bench: Bench, tmp_path: Path) -> None:
    place, folder = bench.place_file(tmp_path), tmp_path / "sweep"
    words = sweep_words(place, folder, "--points", 4, "--long", 0)
    child = start_rig(tmp_path / "log", *words)
    try:
        wait_for_verdicts(child, folder, 2)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    before = {
        point["plan"]: point["at_s"]
        for point in SweepRecords(folder / "sweep.sqlite").points()
        if point["outcome"]
    }

    assert_free(place)  # the worker hears of it and lets the board go
    done = run_rig(*words)

    assert done.returncode == 0, done.stdout + done.stderr
    summary = summary_of(folder)
    assert summary["judged"] == summary["points"]
    after = {
        point["plan"]: point["at_s"] for point in SweepRecords(folder / "sweep.sqlite").points()
    }
    kept = [plan for plan, at_s in before.items() if after[plan] == at_s]
    assert len(kept) >= 2, "what was judged before is not judged again"


def assert_free(place: Path) -> None:
    clock = SystemClock()
    deadline = Deadline.after(clock, 90.0)
    while True:
        try:
            Place.open(place).close()
        except BenchError:
            assert not deadline.passed, "the killed sweep's worker keeps the board"
            clock.sleep(0.2)
        else:
            return


@pytest.mark.parametrize("victim", ["qemu", "nbdkit"])
def test_an_emulator_that_dies_in_a_sweep_is_the_benchs_and_the_sweep_goes_on(
    bench: Bench, tmp_path: Path, victim: str
) -> None:
    place = bench.place_file(tmp_path, ("boot_limit_s: 90.0", "boot_limit_s: 25.0"))
    folder = tmp_path / "sweep"
    words = ["sweep", "--place", place, "--report", folder, *PROM, "--no-allure"]
    words += ["--points", "prom:3", "--long", 1]
    child = start_rig(tmp_path / "log", *words)
    try:
        wait_for_verdicts(child, folder, 1)
        clock = SystemClock()
        deadline = Deadline.after(clock, 60.0)
        killed = False
        while not killed and child.poll() is None and not deadline.passed:
            try:
                bench.fault(f"{victim}.kill")
                killed = True
            except BenchError:  # it does not run at this moment
                clock.sleep(0.02)
        code = child.wait(timeout=200.0)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    assert killed
    assert code == 3, (tmp_path / "log").read_text()
    assert summary_of(folder)["failures"] == [], "a dead emulator is no fault of the board"
    bench.fault("clear")

    done = run_rig(*words)

    assert done.returncode == 0, done.stdout + done.stderr
    summary = summary_of(folder)
    assert summary["judged"] == summary["points"]
    assert len(summary["bench_failures"]) == 1
    assert summary["long"] == {"points": 1, "differing": []}


def test_a_place_without_an_interposer_is_told_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", "--place", str(WALNUT), "--from", "1.0.0", "--to", "2.0.0"]
    assert main([*words, "--kinds", "torn", "--report", str(tmp_path / "r")]) == 2
    assert "has no interposer" in capsys.readouterr().err


def test_a_place_in_use_is_named_with_who_uses_it(place: Place, tmp_path: Path) -> None:
    done = run_rig(*sweep_words(place.path, tmp_path / "sweep", "--points", 1))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "is in use by process" in done.stdout + done.stderr


def data_key(place: Path, plan: str) -> str:
    with Place.open(place) as opened:
        release = opened.catalogue.release("1.0.0")
    ends = f"1.0.0@{release.golden_sha256[:12]}/1.0.0@{release.bundle_sha256[:12]}"
    return f"walnut1/data/{ends}/{plan}"


def test_a_replay_leaves_the_same_flash_each_time(bench: Bench, tmp_path: Path) -> None:
    place = bench.place_file(tmp_path)
    key = data_key(place, "cut@op:9/torn:seed=3")
    flashes = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        done = run_rig("replay", key, "--place", place, "--report", folder)
        assert done.returncode == 0, done.stdout + done.stderr
        record = json.loads((folder / "replay.json").read_text())
        flashes.append(record["flash_sha256"])
        assert record["cut"]["operation"] == 9
        assert (folder / "flash.nor").stat().st_size == 1 << 24
    assert flashes[0] == flashes[1]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("cut@op:9/after,op:5000/before", "the nested cut cut@op:5000/before never came"),
        ("cut@op:5000/before", "cut@op:5000/before never came in 24 stores"),
    ],
)
def test_a_replay_whose_cut_never_comes_is_the_benchs_failure(
    bench: Bench, tmp_path: Path, plan: str, said: str
) -> None:
    place = bench.place_file(tmp_path)

    done = run_rig("replay", data_key(place, plan), "--place", place, "--report", tmp_path / "r")

    assert done.returncode == 3, done.stdout + done.stderr
    assert said in done.stdout
    assert not bench.board["powered"]


def test_a_replay_that_leaves_a_dead_board_rescues_it(bench: Bench, tmp_path: Path) -> None:
    place = bench.place_file(tmp_path, ("boot_limit_s: 90.0", "boot_limit_s: 25.0"))
    folder, log = tmp_path / "replay", tmp_path / "log"
    key = data_key(place, "cut@op:9/before")
    child = start_rig(log, "replay", key, "--place", place, "--report", folder)
    try:
        wait_for_file(child, folder / "journal.csv")  # the flash was kept, the board is off
        bench.fault("board.never-back")
        wait_for_file(child, folder / "replay.json")
        bench.fault("clear")
        code = child.wait(timeout=120.0)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    assert code == 1, log.read_text()
    assert "it was rescued with 1.0.0" in log.read_text()


def wait_for_file(child: subprocess.Popen[bytes], path: Path) -> None:
    clock = SystemClock()
    deadline = Deadline.after(clock, 120.0)
    while not path.exists():
        assert child.poll() is None, f"it ended without {path.name}"
        assert not deadline.passed, f"no {path.name} in time"
        clock.sleep(0.02)


def test_a_key_of_other_bytes_is_refused(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "walnut1/upgrade/1.0.0@000000000000/2.0.0@000000000000/cut@op:9/after"
    assert main(["replay", key, "--place", str(bench.place_file(tmp_path))]) == 2
    assert "check out the firmware of that time" in capsys.readouterr().err
