# SPDX-License-Identifier: MIT
"""The bench with other makers' instruments is the same bench to the rig."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from labgrid.driver.power import shelly_gen2

from rig.clock import Deadline
from rig.place.place import Place
from rig.virtual import control
from tests.bench.conftest import Bench, numbered

pytestmark = pytest.mark.timeout(180)

GONE_S = 0.02


@pytest.fixture
def other_bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Bring up a second bench with other instruments, on the ports of another board."""
    bench = Bench(tmp_path / "state", board=numbered(15))
    bench.up(*request.param)
    yield bench
    control.stop(bench.state)


@pytest.mark.parametrize(
    "other_bench", [("counter=pendulum_cnt104s", "supply=rigol_dp832")], indirect=True
)
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
        place.need("counter").start()
        deadline = Deadline.after(place.clock, 20.0)
        stamps = place.need("counter").drain()
        while stamps.size < 500 and not deadline.passed:
            place.clock.sleep(0.1)
            stamps = np.concatenate((stamps, place.need("counter").drain()))
        place.need("counter").stop()
        current = place.need("supply").current()

        assert float(np.median(np.diff(stamps))) == pytest.approx(1e-3, rel=0.2)
        assert place.need("counter").correlate().error_s < 1.0
        assert "CNT-104S" in place.need("counter").identity()
        assert "DP832" in current.source
        assert current.value > 0.05
    assert not other_bench.board["powered"]


@pytest.mark.parametrize("other_bench", [("supply=keysight_n6705c",)], indirect=True)
def test_a_supply_with_a_log_sees_power_that_is_gone_between_two_polls(
    other_bench: Bench, tmp_path: Path
) -> None:
    outlet = f"http://127.0.0.1:{other_bench.endpoints.pdu}"
    path = other_bench.place_file(tmp_path, ("model: keysight_e36312a", "model: keysight_n6705c"))
    with Place.open(path) as place:
        place.boot()
        with place.watch(tmp_path / "raw", with_feed=True) as watch:
            episode = watch.open("somebody's hand")
            watch.wait(1.0)
            before_s = place.clock.now()
            shelly_gen2.power_set(outlet, None, 0, value=False)
            place.clock.sleep(GONE_S)
            shelly_gen2.power_set(outlet, None, 0, value=True)
            most_s = place.clock.now() - before_s
            watch.close(episode)
            outages = watch.settle(episode, deadline=Deadline.after(place.clock, 60.0))
    assert outages.unfed is not None
    doubt_s = outages.unfed.uncertainty
    assert GONE_S - doubt_s <= outages.unfed.value <= most_s + doubt_s
    assert outages.recovered
    assert "N6705C" in outages.unfed.source
