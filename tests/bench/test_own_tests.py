# SPDX-License-Identifier: MIT
"""docs/how-to/write-your-own-test.md, as it is written: its test, run far from this checkout."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.conftest import ROOT, Bench

pytestmark = pytest.mark.timeout(600)
PAGE = (ROOT / "docs/how-to/write-your-own-test.md").read_text(encoding="utf-8")
TEST = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]
WELL = "echo new >/data/note.new; sync; mv /data/note.new /data/note; sync"
BADLY = (WELL, "echo new >/data/note; sync")


def run(folder: Path, place: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "rig.cli", "test", "test_notes.py", "--place", str(place)]
    return subprocess.run(
        [*words, "--no-allure", "--report", "records", *more],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_pages_own_test_runs_anywhere_and_is_recorded(bench: Bench, tmp_path: Path) -> None:
    place = bench.place_file(tmp_path)
    (tmp_path / "test_notes.py").write_text(TEST)

    ended = run(tmp_path, place)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "4 passed" in ended.stdout
    page = (tmp_path / "records" / "index.html").read_text(encoding="utf-8")
    assert "restart" in page
    assert "cut@op:3/torn:seed=3" in page
    assert list((tmp_path / "records" / "allure-results").glob("*-result.json"))
    assert not bench.board["powered"], "the board is left off"


def test_an_application_that_writes_badly_is_found_and_its_key_finds_it_again(
    bench: Bench, tmp_path: Path
) -> None:
    place = bench.place_file(tmp_path)
    assert BADLY[0] in TEST
    (tmp_path / "test_notes.py").write_text(TEST.replace(*BADLY))

    ended = run(tmp_path, place)

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "lost-state after" in ended.stdout
    key = re.search(r"--key '(.*?)'", ended.stdout)
    assert key
    again = run(tmp_path, place, "--key", key[1])
    assert again.returncode == 1
    assert "1 failed" in again.stdout
    assert "lost-state after" in again.stdout


def test_a_cut_that_never_comes_says_how_many_operations_there_are(
    bench: Bench, tmp_path: Path
) -> None:
    place = bench.place_file(tmp_path)
    (tmp_path / "test_notes.py").write_text(TEST.replace("op:1..3/", "op:700..700/"))

    ended = run(tmp_path, place)

    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert re.search(r"never came: .* makes \d+ flash\s+operations", ended.stderr)
