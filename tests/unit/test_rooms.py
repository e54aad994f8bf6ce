# SPDX-License-Identifier: MIT
"""The rooms say what they are for, and whoever reads the page, the code or help(rig) reads that."""

import ast
import importlib
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

import rig

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
DOORS = sorted((ROOT / "rig").rglob("__init__.py"))


def sentence(door: Path) -> str:
    return (ast.get_docstring(ast.parse(door.read_text(encoding="utf-8"))) or "").split("\n")[0]


def rooms() -> list[str]:
    """Return the rooms in the order of imports, the highest first, as import-linter proves it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    names = [name for layer in layers for name in layer.split(" | ")]
    return [name for name in names if (ROOT / "rig" / name).is_dir()]


def test_the_page_has_the_rooms_in_order_with_their_own_sentences() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| .+ \|$", PAGE, re.MULTILINE)
    assert rows == [(name, sentence(ROOT / "rig" / name / "__init__.py")) for name in rooms()]


def test_the_page_names_what_is_in_a_room() -> None:
    for room, inside in re.findall(r"^\| `(\w+)` \| .*? \| (.+) \|$", PAGE, re.MULTILINE):
        found = {path.stem for path in (ROOT / "rig" / room).rglob("*")}
        named = set(re.findall(r"`(\w+)/?`", inside)) - {"@picture"}
        assert named <= found, room


def test_help_has_every_room_with_its_sentence() -> None:
    """`python -c "import rig; help(rig)"` is where a newcomer looks first."""
    text = " ".join((rig.__doc__ or "").split())
    for name in rooms():
        assert f"{name} {sentence(ROOT / 'rig' / name / '__init__.py')}" in text


@pytest.mark.parametrize("door", DOORS, ids=lambda door: str(door.parent.relative_to(ROOT)))
def test_a_door_says_what_its_room_is_for_and_lists_what_is_there(door: Path) -> None:
    package = importlib.import_module(".".join(door.parent.relative_to(ROOT).parts))
    assert sentence(door).endswith(".") or "migrations" in package.__name__
    for name in getattr(package, "__all__", ()):
        full = f"{package.__name__}.{name}"
        assert hasattr(package, name) or importlib.util.find_spec(full), f"there is no {full}"
