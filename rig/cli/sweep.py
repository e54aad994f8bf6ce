# SPDX-License-Identifier: MIT
"""`rig sweep`: plan, workers, verdict, each a run of pytest; shows progress, judges nothing."""

import argparse
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rig.cli import pytest_run
from rig.cli.sweep_options import add_arguments, settings_of
from rig.clock import Deadline, SystemClock
from rig.errors import GOOD, INTERRUPTED, OURS, PRODUCT, BenchError

if TYPE_CHECKING:
    import subprocess

TICK_S = 1.0
LEAVES_S = 10.0  # a worker whose command was killed ends so soon after it let its board go
LINE_EVERY_S = 15.0  # between two lines of progress where nobody watches a terminal
DATABASE = "sweep.sqlite"
BY_OPERATION, BY_CLOCK = "test_sweep.py", "test_timed_sweep.py"
HELP = "cut the power at every operation"
__all__ = ["HELP", "add_arguments", "alone", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Run or resume a sweep; return the exit code."""
    settings = settings_of(arguments)
    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
    ends = f"{settings['what']}-{settings['old']}-{settings['new']}"
    folder = (arguments.report or pytest_run.ROOT / "reports" / f"sweep-{ends}-{name}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, LEAVES_S) as lock:
        return _Run(arguments, settings, folder, lock).all()


@contextmanager
def alone(folder: Path, limit_s: float) -> Iterator[int]:
    """Hold the folder; yield the lock's descriptor.

    A worker inherits it and holds the folder, too: one that a killed command left behind has a
    point in hand, which nobody else may take.

    Raises:
        BenchError: after `limit_s` another sweep, or such a worker, still holds it.
    """
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    clock = SystemClock()
    deadline = Deadline.after(clock, limit_s)
    try:
        while not _locked(handle):
            if deadline.passed:
                raise BenchError(
                    f"another sweep works in {folder}, or a worker that one left behind is still"
                    " at its point: wait for it, or end it"
                )
            clock.sleep(0.1)
        yield handle
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Run:
    """The stages of one sweep in one folder."""

    def __init__(
        self, arguments: argparse.Namespace, settings: dict[str, Any], folder: Path, lock: int
    ) -> None:
        from rig.sweep.records import SweepRecords  # noqa: PLC0415 # sqlite, numpy

        self._arguments = arguments
        self._settings = settings
        self._folder = folder
        self._lock = lock
        self._places = arguments.place[: arguments.jobs or len(arguments.place)]
        self._records = SweepRecords(folder / DATABASE)
        self._clock = SystemClock()
        self._timed = settings["kinds"] == ["timed"]
        self._tests = BY_CLOCK if self._timed else BY_OPERATION

    def all(self) -> int:
        """Go through the stages; the first that fails ends it."""
        code = self._plan()
        if code == GOOD and not self._arguments.dry_run:
            code = self._points()
            code = self._verdict(code)
        self._records.close()
        return pytest_run.ends(self._folder, code)

    def _options(self) -> list[str]:
        return [f"--rig-sweep={json.dumps(self._settings)}", f"--rig-command={os.getpid()}"]

    def _plan(self) -> int:
        if self._records.sweep() is None:
            pytest_run.forget(self._folder)
            words = pytest_run.command(
                [f"{self._tests}::test_plan"], self._places[0], self._folder, self._options()
            )
            if code := pytest_run.wait(pytest_run.start(words, held=(self._lock,))):
                return self._told(code)
        self._show_plan()
        return GOOD

    def _told(self, code: int) -> int:
        if code == pytest_run.PYTEST_INTERRUPTED:
            return INTERRUPTED
        told = pytest_run.told(self._folder)
        if told is None:
            sys.stderr.write(f"pytest ended with {code}: see {self._folder}/*.log\n")
            return OURS
        sys.stderr.write(f"{told[1]}\n")
        return told[0]

    def _show_plan(self) -> None:
        """Say how large the sweep is and how long it will take, before it starts."""
        from rig.sweep.preview import described  # noqa: PLC0415 # sqlite, numpy

        if self._records.sweep() is None:
            raise BenchError(f"the plan was not recorded in {self._folder}")
        for line in described(self._records, len(self._places)):
            sys.stdout.write(f"{line}\n")
        sys.stdout.write(f"records: {self._folder}\n")
        sys.stdout.flush()

    def _points(self) -> int:
        """Start a worker for each place; they judge points until none is left."""
        if self._records.is_finished():
            return GOOD
        self._records.release_claims()
        pytest_run.forget(self._folder)
        self._records.begin_run()
        children: list[subprocess.Popen[bytes]] = []
        try:
            children.extend(self._worker(place) for place in self._places)
            self._watch(children)
        except KeyboardInterrupt:
            for child in children:
                pytest_run.wait(child)
            return INTERRUPTED
        finally:
            self._records.end_run()
        codes = [pytest_run.wait(child) for child in children]
        if not any(codes):
            return GOOD
        sys.stderr.write(f"a worker failed: see {self._folder}/worker-*.log\n")
        return self._told(max(codes))

    def _worker(self, place: Path) -> "subprocess.Popen[bytes]":
        words = [f"{self._tests}::test_points"]
        return pytest_run.start(
            pytest_run.command(words, place, self._folder, self._options()),
            self._folder / f"worker-{place.stem}.log",
            held=(self._lock,),
        )

    def _watch(self, children: list["subprocess.Popen[bytes]"]) -> None:
        """Show how far the workers are until all have ended."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        began_s = last_s = self._clock.now()
        first = self._records.progress()
        with Progress(*columns) as bar:
            live = bar.console.is_terminal
            task = bar.add_task("", total=first["total"], visible=live)
            while any(child.poll() is None for child in children):
                self._clock.sleep(TICK_S)
                found = self._records.progress()
                minutes = (self._clock.now() - began_s) / 60
                verdicts = (found["done"] - first["done"]) / minutes
                boots = (found["booted"] - first["booted"]) / minutes
                outcomes = " ".join(f"{k} {v}" for k, v in sorted(found["outcomes"].items()))
                text = (
                    f"{found['done']}/{found['total']} points, {found['booted']} boots,"
                    f" {boots:.0f} boots/min, {verdicts:.0f} verdicts/min: {outcomes}"
                )
                bar.update(task, completed=found["done"], total=found["total"], description=text)
                if not live and self._clock.now() - last_s >= LINE_EVERY_S:
                    last_s = self._clock.now()
                    sys.stdout.write(f"[{last_s - began_s:6.0f} s] {text}\n")
                    sys.stdout.flush()

    def _verdict(self, code: int) -> int:
        """Judge what was recorded, and make the reports, also of a sweep that was cut short."""
        from rig.report.sweep import build, finish  # noqa: PLC0415 # matplotlib

        build(self._folder)
        alike = [
            "--deselect=tests/board/test_sweep.py::test_the_long_way_agrees_with_the_short_way"
        ]
        words = pytest_run.command(
            ["test_sweep.py"],
            self._places[0],
            self._folder,
            [
                *self._options(),
                *pytest_run.with_records(self._folder),
                "--deselect=tests/board/test_sweep.py::test_plan",
                "--deselect=tests/board/test_sweep.py::test_points",
                *(alike if self._timed else ()),
            ],
        )
        judged = pytest_run.wait(pytest_run.start(words, self._folder / "verdict.log"))
        finish(self._folder, allure=not self._arguments.no_allure)
        if code:
            return code
        if judged not in {0, pytest_run.PYTEST_FAILED}:
            return self._told(judged)
        return PRODUCT if judged else GOOD
