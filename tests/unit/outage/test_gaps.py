# SPDX-License-Identifier: MIT
"""Outages of known length come out within the stated uncertainty, 95 times of 100 and more."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.outage.estimate import View, counter_outage, traffic_outage
from rig.outage.gaps import (
    Gap,
    Outage,
    Silences,
    Times,
    has_recovered,
    longest_gap,
    missed_s,
    outages,
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


def test_a_lone_sign_of_life_between_two_silences_ends_none() -> None:
    """RFC 6412: five good answers; the doubt reaches from the longest piece to the whole."""
    hiccup = [np.arange(0, 1.0, PERIOD_S), np.array([1.05]), np.arange(3.0, 20, PERIOD_S)]

    (found,) = outages(np.concatenate(hiccup), VIEW.threshold_s)

    (gap,) = found.gaps
    assert gap.length_s == pytest.approx(2.0, abs=2 * PERIOD_S)
    assert gap.lone_s == pytest.approx(0.05, abs=2 * PERIOD_S)
    measured = counter_outage(gap, VIEW, longest_s=gap.length_s, taken_at_s=0.0)
    for true_s in (1.95, 2.0):
        assert abs(measured.value - true_s) <= measured.uncertainty
    assert "lone signs" in measured.method


def test_five_signs_of_life_are_a_service_that_came_back() -> None:
    back = [
        np.arange(0, 1.0, PERIOD_S),
        1.05 + PERIOD_S * np.arange(5),
        np.arange(3.0, 20, PERIOD_S),
    ]

    (found,) = outages(np.concatenate(back), VIEW.threshold_s)

    assert [round(gap.length_s, 2) for gap in found.gaps] == [1.95]
    assert not found.longest.lone_s


def test_a_silence_while_the_computer_stood_still_joins_nothing_but_may_be_the_outage() -> None:
    times = np.concatenate(
        [np.arange(0, 1, PERIOD_S), np.arange(2, 4, PERIOD_S), np.arange(4.3, 20, PERIOD_S)]
    )
    stalls = ((3.99, 4.3),)

    assert len(outages(times, VIEW.threshold_s)[0].gaps) == 2
    assert len(outages(times, VIEW.threshold_s, (), stalls)[0].gaps) == 1
    (alone,) = outages(times[times > 1.5], VIEW.threshold_s, (), stalls)
    assert alone.longest.length_s == pytest.approx(0.3, abs=2 * PERIOD_S)


def test_spans_that_overlap_are_missed_once() -> None:
    assert missed_s(Gap(1.0, 2.0), ((0.9, 1.4), (1.2, 1.6), (1.3, 1.5))) == pytest.approx(0.6)


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
    assert outages(times, 0.3) == (Outage((Gap(0.1, 0.6),)),)


@given(
    st.lists(st.sampled_from([0.001, 0.05, 0.3, 1.0, 4.0]), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_a_stream_in_parts_has_the_outages_of_the_whole(
    steps: list[float], cuts: list[int]
) -> None:
    times = np.cumsum(steps)
    silences = Silences(0.02)
    for part in np.split(times, sorted(min(cut, times.size) for cut in cuts)):
        silences.add(part)

    assert silences.outages() == outages(times, 0.02)
    assert silences.longest.length_s == longest_gap(times).length_s


def test_what_a_stream_keeps_does_not_grow_with_its_stamps() -> None:
    silences = Silences(0.02)
    sizes = []
    for part in range(3):
        silences.add(np.arange(part * 10.0, part * 10.0 + 10.0, PERIOD_S))
        sizes.append(len(pickle.dumps(silences)))

    assert sizes[2] == sizes[0]


def test_four_good_answers_are_no_recovery_however_long_they_took_and_five_are() -> None:
    for good, number in ((4, 1), (5, 2)):
        back = 3.0 + 1.9 * np.arange(good)
        assert len(outages(np.array([0.0, *back, back[-1] + 3.0]), 2.0)) == number
