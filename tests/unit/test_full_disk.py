# SPDX-License-Identifier: MIT
"""A disk that is full is the lab's to mend, and never a failure of the product.

`/dev/full` refuses every write with ENOSPC, as a full file system does, and needs no root to be
put in a file's place: the records that matter here are links to it.
"""

import errno
from pathlib import Path

import pytest

from rig import full_disk
from rig.cli import main
from rig.errors import BENCH, OURS, PRODUCT
from tests.unit.helpers.pytest_run import cycle, replay, run_instead
from tests.unit.helpers.recorded import recorded_night

FULL = "/dev/full"
LOSES_ITS_ERROR = f"""
from pathlib import Path
from rig.errors import BenchError

def test_it(pytestconfig):
    folder = pytestconfig.getoption("rig_report")
    (folder / "error.json").symlink_to("{FULL}")
    raise BenchError("a cable is loose")
"""
FILLS_THE_DISK = f"""
from pathlib import Path

def test_it():
    Path("{FULL}").write_text("x")
"""
FAILS = "def test_it(): assert False"
BREAKS = """
import sys
import pytest

class Broken:
    def pytest_runtest_logreport(self, report):
        raise RuntimeError("of the rig's own")

def test_it(pytestconfig):
    pytestconfig.pluginmanager.register(Broken())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


def test_an_error_that_cannot_be_recorded_is_said_and_is_the_benchs(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run_instead(monkeypatch, tmp_path, LOSES_ITS_ERROR)

    assert replay(folder) == BENCH

    said, heard = capfd.readouterr()
    assert "INTERNALERROR" not in said
    assert "error (the lab (the bench) must act): a cable is loose" in heard
    assert f"{folder} could not be written (No space left on device): free the disk at" in heard


def test_a_record_that_finds_no_room_is_the_benchs(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run_instead(monkeypatch, tmp_path, FILLS_THE_DISK)

    assert replay(folder) == BENCH

    assert "error (the lab (the bench) must act)" in capfd.readouterr().err


def test_junit_that_finds_no_room_in_the_end_is_the_benchs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "junit.xml").symlink_to(FULL)
    run_instead(monkeypatch, tmp_path, FAILS)
    assert replay(folder) == BENCH


def test_a_report_that_finds_no_room_names_the_disk_and_how_to_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded_night(folder / "results.sqlite", 1).close()
    (folder / "summary.json").symlink_to(FULL)

    assert main(["report", str(folder)]) == BENCH

    said = capsys.readouterr().err
    assert str(folder) in said
    assert "give the same command again" in said


def test_a_report_that_fails_otherwise_is_ours(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded_night(folder / "results.sqlite", 1).close()
    (folder / "summary.json").mkdir()

    assert main(["report", str(folder)]) == OURS

    assert "IsADirectoryError" in capsys.readouterr().err


@pytest.mark.parametrize(("test", "code"), [(FAILS, PRODUCT), (BREAKS, OURS)])
def test_only_a_failed_test_is_the_products(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test: str, code: int
) -> None:
    recorded_night(folder / "results.sqlite", 1).close()
    run_instead(monkeypatch, tmp_path, test)
    assert cycle(folder) == code


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_the_file_that_was_refused_is_named_with_its_disk(number: int, tmp_path: Path) -> None:
    path = "/proc/there/is/no/such"
    said = str(full_disk.full(OSError(number, "no", path), tmp_path))
    assert path in said
    assert "the disk at /proc and" in said


def test_another_error_is_no_full_disk(tmp_path: Path) -> None:
    assert full_disk.full(PermissionError(errno.EACCES, "no", "x"), tmp_path) is None
