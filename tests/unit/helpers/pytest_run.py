# SPDX-License-Identifier: MIT
"""The `rig` command with a small test of ours in the place of those that need a board."""

import sys
from pathlib import Path

import pytest

from rig.board.catalogue import Catalogue
from rig.cli import main, pytest_run
from rig.place.file import load

ROOT = Path(__file__).resolve().parents[3]
PLACE = ROOT / "places" / "virtual.yaml"


def run_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, test: str) -> None:
    """Have each command run this test, with the rig's plug-in."""
    path = tmp_path / "test_small.py"
    path.write_text(test)
    words = [sys.executable, "-m", "pytest", "-p", "no:labgrid", "-q"]
    words += ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), str(path)]

    def command(_nodes: object, _place: object, folder: Path, options: list[str]) -> list[str]:
        return [*words, f"--rig-report={folder}", *options]

    monkeypatch.setattr(pytest_run, "command", command)


def replay(folder: Path, plan: str = "cut@op:9/before") -> int:
    release = Catalogue.load(load(PLACE).firmware_index).release("1.0.0")
    ends = f"1.0.0@{release.golden_sha256[:12]}/1.0.0@{release.bundle_sha256[:12]}"
    key = f"walnut1/data/{ends}/{plan}"
    return main(["replay", key, "--place", str(PLACE), "--report", str(folder)])


def cycle(folder: Path) -> int:
    words = ["cycle", "--place", str(PLACE), "--from", "1.0.0", "--to", "2.0.0", "--no-allure"]
    return main([*words, "--report", str(folder)])
