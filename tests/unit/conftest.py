# SPDX-License-Identifier: MIT
"""What tests of runs share: a plug on loopback, and state of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.helpers.plug import Plug, plug


@pytest.fixture
def outlet() -> Iterator[Plug]:
    with plug() as server:
        yield server


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep locks and calibrations apart from this computer's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
