# SPDX-License-Identifier: MIT
"""A budget names every cause, and its sum is the uncertainty that is stated."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.measure.uncertainty import (
    DIVISORS,
    Contribution,
    Stamps,
    expanded,
    interruption,
    nothing_seen,
)
from rig.outage.estimate import PLAIN, View, counter_outage, frame_loss_outage, traffic_outage
from rig.outage.gaps import Gap

PERIOD_S = 1e-3
WIDTHS = st.floats(0.0, 1e3)


def view(floor_s: float = PERIOD_S, stamps: Stamps = PLAIN) -> View:
    return View(
        name="outage", source="simulated", period_s=PERIOD_S, floor_s=floor_s, stamps=stamps
    )


@given(st.lists(st.tuples(WIDTHS, st.sampled_from(sorted(DIVISORS))), max_size=8), WIDTHS)
def test_a_cause_more_never_makes_a_budget_smaller(
    causes: list[tuple[float, str]], width: float
) -> None:
    budget = tuple(Contribution("a cause", half, shape) for half, shape in causes)
    more = (*budget, Contribution("another", width))
    assert expanded(more) >= expanded(budget) * (1 - 1e-12)
    assert expanded(more) >= 2 * width / math.sqrt(3) * (1 - 1e-12)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_half_width_is_a_number_that_can_be(bad: float) -> None:
    with pytest.raises(ValueError, match="half-width"):
        Contribution("a cause", bad)


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="rectangular"):
        Contribution("a cause", 1.0, "round")


@given(st.floats(0.02, 100.0), st.floats(PERIOD_S, 0.1), st.floats(0.0, 0.1))
def test_the_traffic_budget_is_the_formula_of_the_explanation(
    gap_s: float, floor_s: float, stalled_s: float
) -> None:
    found = traffic_outage(
        Gap(1.0, 1.0 + gap_s),
        view(floor_s),
        longest_s=gap_s,
        taken_at_s=0.0,
        stalled_s=stalled_s,
    )
    u = math.hypot(
        PERIOD_S / math.sqrt(6),
        (floor_s - PERIOD_S) / math.sqrt(6),
        1e-6 / math.sqrt(6),
        1e-6 * gap_s / math.sqrt(3),
        stalled_s / math.sqrt(3),
    )
    assert found.uncertainty == pytest.approx(2 * u)
    assert found.uncertainty == expanded(found.budget)


def test_the_budget_names_every_cause_the_design_asks_for() -> None:
    period = Contribution("heartbeat period", PERIOD_S / 2)
    found = interruption(1.0, period=period, stamps=PLAIN, late_s=0.002)
    assert [item.cause for item in found] == [
        *("heartbeat period", "no-event floor", "resolution", "trigger level", "time base"),
        *("clock correlation", "own stall"),
    ]


def test_a_gap_across_two_runs_of_the_counter_carries_the_doubt_of_their_clocks() -> None:
    def counted(correlation_s: float) -> float:
        gap = Gap(1.0, 2.0)
        return counter_outage(
            gap, view(), longest_s=1.0, taken_at_s=0.0, correlation_s=correlation_s
        ).uncertainty

    assert counted(0.0) < 1e-3
    assert counted(0.05) == pytest.approx(2 * 0.05 / math.sqrt(3), rel=1e-3)


def test_no_loss_is_doubted_by_what_the_last_answer_may_have_been_late() -> None:
    assert expanded(nothing_seen(0.004)) == pytest.approx(0.004)
    assert expanded(nothing_seen(0.004, 0.003)) == pytest.approx(0.004 + 2 * 0.003 / math.sqrt(6))


def test_no_loss_holds_under_jitter_as_often_as_it_says() -> None:
    """A silence in answers that are late by up to 5 ms each: shorter than the interruption was."""
    chance = np.random.default_rng(3)
    jitter_s, many = 0.005, 2000
    held = in_quadrature = 0
    for length_s in chance.uniform(0.008, 0.018, many):
        before, after = chance.uniform(0.0, jitter_s, 2)
        budget = nothing_seen(length_s + after - before, jitter_s)
        held += length_s <= expanded(budget)
        in_quadrature += length_s <= 2 * math.hypot(*(item.u for item in budget))

    assert held / many >= 0.95
    assert in_quadrature / many < 0.95, "the partner: a bound and an estimate, added as estimates"


def test_what_was_not_sent_may_have_been_lost_or_not() -> None:
    sent = frame_loss_outage(90, view(), taken_at_s=0.0)
    stalled = frame_loss_outage(90, view(), taken_at_s=0.0, unsent_s=0.01)
    assert stalled.value == pytest.approx(sent.value + 0.005)
    assert stalled.uncertainty > sent.uncertainty
