# SPDX-License-Identifier: MIT
"""Whoever reaches past a room's door is named by the linter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.doors import doors, listed

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = """
[tool.importlinter]
root_packages = ["house"]
contract_types = ["doors: tools.doors.Doors"]

[[tool.importlinter.contracts]]
name = "nobody reaches past a door"
type = "doors"
root = "house"
"""


@pytest.mark.parametrize(
    ("importer", "imported", "on_the_way"),
    [
        ("house.hall", "house.kitchen.stove", [("house.kitchen", "stove")]),
        ("house.hall", "house.kitchen", []),
        ("house.kitchen.sink", "house.kitchen.stove", []),
        (
            "house.hall",
            "house.kitchen.larder.jam",
            [("house.kitchen", "larder"), ("house.kitchen.larder", "jam")],
        ),
        ("house.kitchen.sink", "house.kitchen.larder.jam", [("house.kitchen.larder", "jam")]),
        ("house.kitchen.larder.jam", "house.kitchen.stove", []),
    ],
)
def test_a_way_leads_through_doors(
    importer: str, imported: str, on_the_way: list[tuple[str, str]]
) -> None:
    assert doors(importer, imported) == on_the_way


def lint(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    files = {
        "house/__init__.py": "",
        "house/hall.py": line,
        "house/kitchen/__init__.py": '__all__ = ["stove"]\nHEAT = 1\n',
        "house/kitchen/stove.py": "from house.kitchen import sink\n",
        "house/kitchen/sink.py": "",
        "pyproject.toml": SETTINGS,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "line",
    [
        "from house.kitchen import stove\n",
        "from house.kitchen import HEAT\n",
        "import house.kitchen.stove\n",
        "",
    ],
)
def test_what_a_door_lists_may_be_used(tmp_path: Path, line: str) -> None:
    done = lint(tmp_path, line)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "line",
    [
        "from house.kitchen import sink\n",
        "from house.kitchen.sink import tap\n",
        "def wash():\n    import house.kitchen.sink\n",
    ],
)
def test_who_reaches_past_a_door_is_named(tmp_path: Path, line: str) -> None:
    done = lint(tmp_path, line)
    assert done.returncode == 1
    assert "house.hall -> house.kitchen.sink: 'sink' is not in the __all__" in done.stdout


def test_a_door_that_lists_nothing_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("house").mkdir()
    Path("house/__init__.py").write_text('"""A house."""\n')
    assert listed("house") == set()
