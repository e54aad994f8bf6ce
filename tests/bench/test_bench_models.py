# SPDX-License-Identifier: MIT
"""The bench with other makers' instruments is the same bench to the rig."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.place import Place
from rig.virtual import control
from tests.bench.conftest import Bench

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def other_bench(tmp_path: Path) -> Iterator[Bench]:
    """Bring up a second bench, on the ports of another board."""
    bench = Bench(tmp_path / "state", board=15)
    bench.up("counter=pendulum_cnt104s", "supply=rigol_dp832")
    yield bench
    control.stop(bench.state)


def test_another_counter_and_supply_measure_the_same_board(
    other_bench: Bench, tmp_path: Path
) -> None:
    path = other_bench.place_file(
        tmp_path,
        ("model: keysight_53230a", "model: pendulum_cnt104s"),
        ("model: keysight_e36312a", "model: rigol_dp832"),
    )
    with Place.open(path) as place:
        place.boot()
        with place.watch(tmp_path) as watch:
            floors = watch.undisturbed(2.0)
        current = place.supply.current()

        assert floors.counter_s is not None
        assert 0.0005 < floors.counter_s < 0.5
        assert "CNT-104S" in place.counter.identity()
        assert "DP832" in current.source
        assert current.value > 0.05
