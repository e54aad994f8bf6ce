# SPDX-License-Identifier: MIT
"""What is found of an event, and what its resolution is when nothing is."""

import numpy as np
import pytest

from rig.outage import Gap, View
from rig.sighting import Span, dissent, doubted, find, longest, unsent_s

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


def test_the_resolution_covers_a_gap_that_ends_after_the_span() -> None:
    """Cutting it at the end would state less than was not seen."""
    assert longest(times(1.995, 2.012), Span(1.0, 2.0, 0.0), None) >= 0.017


def test_a_busy_surrounding_is_doubt() -> None:
    seen = Gap(2.0, 3.0)
    busy = np.concatenate((np.arange(0.0, 1.0, PERIOD_S), np.arange(1.05, 2.0, PERIOD_S)))
    assert doubted(VIEW, busy, seen).floor_s == pytest.approx(0.05, abs=2 * PERIOD_S)
    assert doubted(VIEW, busy, None) is VIEW


def test_only_what_was_not_sent_during_the_gap_counts() -> None:
    assert unsent_s(Gap(1.0, 2.0), ((0.9, 1.1), (1.5, 1.6), (3.0, 4.0))) == pytest.approx(0.2)


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
