# SPDX-License-Identifier: MIT
"""What is found of an event, and what its resolution is when nothing is."""

from errno import ENETUNREACH, EPERM

import numpy as np
import pytest

from rig.errors import BenchError
from rig.outage.estimate import View
from rig.outage.event import (
    Episode,
    Span,
    check_rate,
    check_sends,
    dissent,
    doubted,
    find,
    longest,
    looked_away_s,
    settled,
)
from rig.outage.gaps import Gap, missed_s

PERIOD_S = 1e-3
VIEW = View(name="outage", source="simulated", period_s=PERIOD_S, floor_s=PERIOD_S)


def times(from_s: float, to_s: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a stream of 4 s with a silence."""
    stream = np.arange(0.0, 4.0, PERIOD_S)
    return stream[(stream < from_s) | (stream >= to_s)]


def test_an_outage_that_began_in_the_span_is_found_whole() -> None:
    found = find(times(1.9, 3.0), VIEW, Span(1.0, 2.0, 0.0), 4.0, True, ())
    assert found
    assert found.span.length_s == pytest.approx(1.1, abs=2 * PERIOD_S)


def test_an_outage_beside_the_span_is_none_unless_the_clock_is_that_wrong() -> None:
    span = Span(1.0, 2.0, 0.0)
    assert find(times(2.05, 3.0), VIEW, span, 4.0, True, ()) is None
    assert find(times(2.05, 3.0), VIEW, span.wider(0.1), 4.0, True, ()) is not None


def test_the_instruments_own_silence_is_excused() -> None:
    span = Span(1.0, 2.0, 0.0)
    assert find(times(1.5, 1.6), VIEW, span, 4.0, True, ((1.4, 1.7),)) is None
    assert find(times(1.5, 1.8), VIEW, span, 4.0, True, ((1.4, 1.7),)) is not None


def beats(*gaps: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a stream of 12 s with silences."""
    stream = np.arange(0.0, 12.0, PERIOD_S)
    for from_s, to_s in gaps:
        stream = stream[(stream < from_s) | (stream >= to_s)]
    return stream


def test_the_instruments_own_silence_is_no_part_of_an_outage_beside_it() -> None:
    """RFC 6412's five clean seconds are the service's; the instrument's restart is none of it."""
    stream = beats((1.46, 1.5), (2.2, 2.35))
    own = ((1.459, 1.5),)
    span = Span(1.0, 6.0, 0.0)

    found = find(stream, VIEW, span, 12.0, True, own)

    assert found
    assert found.span.length_s == pytest.approx(0.15, abs=2 * PERIOD_S)
    whole = find(stream, VIEW, span, 12.0, True, ())
    assert whole
    assert whole.span.length_s > 0.8, "without it both are one"


def test_the_instruments_own_silence_neither_delays_recovery_nor_is_it_doubt() -> None:
    stream, own = beats((2.0, 3.0), (6.2, 6.5)), ((6.199, 6.5),)
    episode = Episode("reset", 1.5, 3.0)

    assert settled(stream[stream < 9.0], VIEW, episode, 9.0, own)
    assert not settled(stream[stream < 9.0], VIEW, episode, 9.0)
    assert doubted(VIEW, stream, Gap(2.0, 3.0), own).floor_s == pytest.approx(PERIOD_S)


def test_an_instrument_looked_away_from_what_either_saw() -> None:
    own = ((1.4, 1.5),)
    assert looked_away_s(own, None, Gap(1.3, 2.0)) == pytest.approx(0.1)
    assert looked_away_s(own, Gap(1.6, 2.0), None) == 0.0
    assert looked_away_s(own, None, None) == 0.0


@pytest.mark.parametrize("period_s", [0.5e-3, 0.93e-3, 1.1e-3, 2e-3])
def test_a_heartbeat_at_the_wrong_rate_is_the_benchs(period_s: float) -> None:
    with pytest.raises(BenchError, match=rf"every {period_s * 1e3:.3f} ms and not every 1 ms"):
        check_rate(np.arange(0.0, 1.0, period_s), PERIOD_S)


def test_a_heartbeat_that_a_busy_computer_stamps_late_is_none_of_another_rate() -> None:
    jitter = np.random.default_rng(1).normal(0.0, 0.2e-3, 5000)
    late = np.sort(np.arange(5000) * PERIOD_S + jitter)
    check_rate(late[(late < 2.0) | (late > 2.6)], PERIOD_S)


def test_pulses_that_a_busy_computer_stamps_in_clumps_are_none_of_another_rate() -> None:
    """A load of ten: the median was 0.78 ms, and no pulse was lost."""
    clumped = np.arange(5000) * PERIOD_S
    clumped = np.floor(clumped / 0.01) * 0.01 + (clumped % 0.01) * 0.5
    assert np.median(np.diff(clumped)) < 0.9 * PERIOD_S
    check_rate(clumped, PERIOD_S)


def test_a_computer_that_cannot_send_is_the_benchs_and_says_with_which_error() -> None:
    event = Gap(10.0, 14.0)
    with pytest.raises(BenchError, match=r"0\.500 s of 4\.0 s: ENETUNREACH .*, EPERM "):
        check_sends(event, ((11.0, 11.5),), (ENETUNREACH, EPERM), at_most_s=0.02)
    check_sends(event, ((11.0, 11.01),), (EPERM,), at_most_s=0.02)
    check_sends(event, ((15.0, 16.0),), (EPERM,), at_most_s=0.02)


def test_the_resolution_covers_a_gap_that_ends_after_the_span() -> None:
    """Cutting it at the end would state less than was not seen."""
    assert longest(times(1.995, 2.012), Span(1.0, 2.0, 0.0), None) >= 0.017


def test_a_busy_surrounding_is_doubt() -> None:
    seen = Gap(2.0, 3.0)
    busy = np.concatenate((np.arange(0.0, 1.0, PERIOD_S), np.arange(1.05, 2.0, PERIOD_S)))
    assert doubted(VIEW, busy, seen).floor_s == pytest.approx(0.05, abs=2 * PERIOD_S)
    assert doubted(VIEW, busy, None) is VIEW


def test_only_what_was_not_sent_during_the_gap_counts() -> None:
    assert missed_s(Gap(1.0, 2.0), ((0.9, 1.1), (1.5, 1.6), (3.0, 4.0))) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("by_traffic", "by_counter", "said"),
    [
        (True, False, "counter's input"),
        (False, True, "network"),
        (True, True, "not at one time"),
        (False, False, ""),
    ],
)
def test_what_one_instrument_alone_misses_is_the_benchs_but_never_a_silent_service(
    by_traffic: bool, by_counter: bool, said: str
) -> None:
    seen = dissent(by_traffic=by_traffic, by_counter=by_counter, answered=True)
    assert said in seen
    assert bool(seen) is bool(said)
    assert not dissent(by_traffic=by_traffic, by_counter=by_counter, answered=False)
