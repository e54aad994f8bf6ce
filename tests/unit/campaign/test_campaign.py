# SPDX-License-Identifier: MIT
"""What a campaign refuses before its first step."""

import pytest

from rig.campaign.campaign import check_floors
from rig.errors import BenchError
from rig.outage.result import Floors


def floors(traffic_s: float, counter_s: float | None) -> Floors:
    return Floors(traffic_s=traffic_s, counter_s=counter_s, duration_s=5.0, lost=0)


@pytest.mark.parametrize(("traffic_s", "counter_s"), [(0.003, 0.002), (1.0, None), (0.9, 1.0)])
def test_a_bench_whose_own_silences_are_short_is_taken(
    traffic_s: float, counter_s: float | None
) -> None:
    check_floors(floors(traffic_s, counter_s))


@pytest.mark.parametrize(("traffic_s", "counter_s"), [(2.1, None), (2.1, 0.002), (0.003, 2.1)])
def test_a_bench_that_is_silent_for_seconds_by_itself_measures_nothing(
    traffic_s: float, counter_s: float | None
) -> None:
    with pytest.raises(BenchError, match=r"silent for 2\.10 s while nothing was done"):
        check_floors(floors(traffic_s, counter_s))
