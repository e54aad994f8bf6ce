# SPDX-License-Identifier: MIT
"""Statistics against values from the literature."""

import pytest

from rig.measure.statistics import (
    clopper_pearson_upper,
    ecdf_band,
    median,
    order_statistic_bounds,
    success_run_trials,
    trials_needed,
    worst,
)


@pytest.mark.parametrize(
    ("reliability", "trials"), [(0.95, 59), (0.98, 149), (0.99, 299), (0.999, 2995)]
)
def test_the_success_run_needs_the_known_number_of_trials(reliability: float, trials: int) -> None:
    assert success_run_trials(reliability) == trials


@pytest.mark.parametrize(("failures", "trials"), [(0, 299), (1, 473), (2, 628), (3, 773)])
def test_one_per_cent_needs_the_known_number_of_trials(failures: int, trials: int) -> None:
    assert trials_needed(0.01, failures) == trials
    assert (
        clopper_pearson_upper(failures, trials)
        <= 0.01
        < clopper_pearson_upper(failures, trials - 1)
    )


def test_the_median_of_six_is_bounded_by_the_extremes() -> None:
    """1 - 2 · 0.5⁶ = 96.9 %: six is the smallest sample with such bounds."""
    sample = [3.0, 1.0, 6.0, 2.0, 5.0, 4.0]
    bounds = order_statistic_bounds(sample, 0.5, 0.95)
    assert (bounds.low, bounds.high) == (1.0, 6.0)
    assert (median(sample), worst(sample)) == (3.5, 6.0)


def test_five_are_too_few_for_bounds_of_the_median() -> None:
    bounds = order_statistic_bounds([1.0, 2.0, 3.0, 4.0, 5.0], 0.5, 0.95)
    assert None in (bounds.low, bounds.high)


def test_the_band_of_a_distribution_is_massart_s() -> None:
    """√(ln(2 / 0.05) / 40) for 20 values at 95 % (Massart 1990)."""
    band = ecdf_band([float(value) for value in range(20, 0, -1)])

    assert band.half == pytest.approx(0.30368, abs=1e-5)
    assert list(band.values) == [float(value) for value in range(1, 21)]
    assert band.share[9] == pytest.approx(0.5)
    assert (band.low[9], band.high[9]) == pytest.approx((0.19632, 0.80368), abs=1e-5)
    assert (band.low[0], band.high[-1]) == (0.0, 1.0)
