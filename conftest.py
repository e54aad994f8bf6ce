# SPDX-License-Identifier: MIT
"""Tests of this checkout: those of a board run on a place, and are left out where there is none."""

import os
from pathlib import Path

import pytest

BOARD = Path(__file__).parent / "tests" / "board"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect what needs a place where there is one: `rig cycle` and its like name it."""
    has_place = config.getoption("lg_env", None) or os.environ.get("LG_ENV")
    return None if has_place or collection_path != BOARD else True


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say what was left out."""
    has_place = config.getoption("lg_env", None) or os.environ.get("LG_ENV")
    named = any(Path(word) in {BOARD, *BOARD.parents} for word in map(os.path.abspath, config.args))
    return [] if has_place or not named else [f"{BOARD}: left out, for --lg-env names no place"]
