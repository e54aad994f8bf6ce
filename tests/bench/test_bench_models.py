# SPDX-License-Identifier: MIT
"""The bench with other makers' instruments is the same bench to the rig."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rig.clock import Deadline
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
        place.counter.start()
        deadline = Deadline.after(place.clock, 20.0)
        stamps = place.counter.drain()
        while stamps.size < 500 and not deadline.passed:
            place.clock.sleep(0.1)
            stamps = np.concatenate((stamps, place.counter.drain()))
        place.counter.stop()
        current = place.supply.current()

        assert float(np.median(np.diff(stamps))) == pytest.approx(1e-3, rel=0.2)
        assert place.counter.correlate().error_s < 1.0
        assert "CNT-104S" in place.counter.identity()
        assert "DP832" in current.source
        assert current.value > 0.05
    assert not other_bench.board["powered"]
