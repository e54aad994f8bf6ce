# SPDX-License-Identifier: MIT
"""Tests of this checkout: those of a board run on a place, and are left out where there is none."""

import os
from pathlib import Path

import pytest

BOARD = Path(__file__).parent / "tests" / "board"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect what needs a place where one is named, as `rig cycle` and its like do."""
    return None if config.getoption("lg_env", None) or collection_path != BOARD else True


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say what was left out."""
    named = any(Path(word) in {BOARD, *BOARD.parents} for word in map(os.path.abspath, config.args))
    if config.getoption("lg_env", None) or not named:
        return []
    return [f"{BOARD}: left out, for --lg-env names no place"]
