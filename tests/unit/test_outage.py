# SPDX-License-Identifier: MIT
"""Outages of known length come out within the stated uncertainty, 95 times of 100 and more."""

import numpy as np
import pytest

from rig.outage import (
    Gap,
    Times,
    View,
    counter_outage,
    gaps_over,
    has_recovered,
    longest_gap,
    outages,
    traffic_outage,
)

PERIOD_S = 1e-3
VIEW = View(name="outage", source="a simulated stream", period_s=PERIOD_S, floor_s=PERIOD_S)


def stream(outage: tuple[float, float], length_s: float, phase_s: float) -> Times:
    """Return the times of good answers of a service that is out from … to."""
    times = np.arange(phase_s, length_s, PERIOD_S)
    from_s, to_s = outage
    return times[(times < from_s) | (times >= to_s)]


@pytest.mark.parametrize("true_s", [0.03, 0.2, 2.0])
def test_the_traffic_estimate_covers_the_truth(true_s: float) -> None:
    chance = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        start_s = 1.0 + chance.random()
        times = stream((start_s, start_s + true_s), 6.0, chance.random() * PERIOD_S)
        gap = longest_gap(times)
        found = traffic_outage(gap, VIEW, longest_s=gap.length_s, taken_at_s=0.0)
        covered += abs(found.value - true_s) <= found.uncertainty
    assert covered >= 0.95 * 400


@pytest.mark.parametrize("true_s", [0.03, 0.2, 2.0])
def test_the_counter_estimate_covers_the_truth(true_s: float) -> None:
    """The heartbeat starts anew with the service: its first pulse comes at once."""
    chance = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        start_s = 1.0 + chance.random()
        before = np.arange(chance.random() * PERIOD_S, start_s, PERIOD_S)
        after = np.arange(start_s + true_s, 6.0, PERIOD_S)
        gap = longest_gap(np.concatenate((before, after)))
        found = counter_outage(gap, VIEW, longest_s=gap.length_s, taken_at_s=0.0)
        covered += abs(found.value - true_s) <= found.uncertainty
    assert covered >= 0.95 * 400


def test_no_gap_is_no_loss_with_the_longest_silence_as_resolution() -> None:
    found = traffic_outage(None, VIEW, longest_s=0.007, taken_at_s=0.0)
    assert (found.value, found.uncertainty) == (0.0, 0.007)
    assert found.method.startswith("no loss")


def test_two_gaps_without_recovery_between_are_one_outage() -> None:
    times = np.concatenate(
        [np.arange(0, 1, PERIOD_S), np.arange(2, 4, PERIOD_S), np.arange(5, 20, PERIOD_S)]
    )
    (found,) = outages(times, VIEW.threshold_s)
    assert found.span.length_s == pytest.approx(4.0, abs=2 * PERIOD_S)
    assert found.longest.length_s == pytest.approx(1.0, abs=2 * PERIOD_S)


def test_two_gaps_with_recovery_between_are_two_outages() -> None:
    times = np.concatenate(
        [np.arange(0, 1, PERIOD_S), np.arange(2, 8, PERIOD_S), np.arange(9, 20, PERIOD_S)]
    )
    assert len(outages(times, VIEW.threshold_s)) == 2


def test_a_service_has_recovered_after_five_clean_seconds_and_not_before() -> None:
    times = np.concatenate([np.arange(0, 1, PERIOD_S), np.arange(2, 6.9, PERIOD_S)])
    assert not has_recovered(times, VIEW.threshold_s, 6.9)
    times = np.concatenate([times, np.arange(6.9, 7.2, PERIOD_S)])
    assert has_recovered(times, VIEW.threshold_s, 7.2)


def test_a_silent_service_has_not_recovered() -> None:
    assert not has_recovered(np.arange(0, 10, PERIOD_S), VIEW.threshold_s, 12.0)


def test_gaps_are_found_where_they_are() -> None:
    times = np.array([0.0, 0.1, 0.6, 0.7])
    assert gaps_over(times, 0.3) == (Gap(0.1, 0.6),)
