# SPDX-License-Identifier: MIT
"""The outage and the time to settle are two figures: noise of the bench's makes neither longer.

Streams whose truth is known: a service that is out from 10.0 to 11.0 s, and what comes after.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rig.measure.measurement import Measurement
from rig.outage.estimate import View, counter_outage, traffic_outage
from rig.outage.event import Span
from rig.outage.gaps import Gap, Spans, Times
from rig.outage.measure_event import agreement, backlog_s, behind_backlog, comings_and_goings
from rig.outage.result import Settling
from rig.outage.witness import Witness

PERIOD_S = 1e-3
OUT = (10.0, 11.0)
END_S = 40.0
TRUE_S = OUT[1] - OUT[0]
JITTER_AT_S = (12.1, 14.4, 16.7, 19.0)  # never five clean seconds before 21 s


def stream(out: Spans, frozen: Spans = ()) -> Times:
    """Return when signs of life came: none while it is `out`; while `frozen` they are late."""
    times = np.arange(0.3e-3, END_S, PERIOD_S)
    for from_s, to_s in out:
        times = times[(times < from_s) | (times >= to_s)]
    for from_s, to_s in frozen:
        times = np.where((times > from_s) & (times < to_s), to_s, times)
    return np.unique(times)


def witness(times_s: Times, *, floor_s: float = 2 * PERIOD_S, stalls: Spans = ()) -> Witness:
    """Return a counter that watched from 9 to 30 s; the event was over at 11.5 s."""
    view = View(name="outage.counter", source="simulated", period_s=PERIOD_S, floor_s=floor_s)
    return Witness(
        view=view,
        estimate=counter_outage,
        times_s=times_s[times_s >= 9.0],
        span=Span(9.0, 11.5, 9.0),
        now_s=END_S,
        recovered=True,
        stalls=stalls,
    )


def jitter(length_s: float) -> Spans:
    return tuple((at_s, at_s + length_s) for at_s in JITTER_AT_S)


def covers(measured: Measurement, true_s: float) -> bool:
    return abs(measured.value - true_s) <= measured.uncertainty


@pytest.mark.parametrize("jitter_s", [0.0, 0.05, 0.15, 0.5])
def test_jitter_after_an_outage_leaves_its_length_alone(jitter_s: float) -> None:
    """It was joined to it: 9.0 s and more were said of this one second."""
    seen = witness(stream((OUT,), jitter(jitter_s)))

    outage = seen.outage(hidden=False)

    assert covers(outage, TRUE_S)
    assert outage.uncertainty < 0.05 * TRUE_S


@pytest.mark.parametrize("jitter_s", [0.15, 0.5])
def test_jitter_that_nobody_knows_of_is_in_the_time_to_settle(jitter_s: float) -> None:
    """What was not seen without an event, and is no stall of the computer's, may be the board's."""
    seen = witness(stream((OUT,), jitter(jitter_s)))

    settling = seen.settling(seen.outage(hidden=False))

    assert covers(settling.time, JITTER_AT_S[-1] + jitter_s - OUT[0])
    assert settling.silences == len(JITTER_AT_S)
    assert settling.silences_s == pytest.approx(len(JITTER_AT_S) * jitter_s, abs=0.01)


@pytest.mark.parametrize("jitter_s", [0.05, 0.15, 0.5])
def test_jitter_that_the_bench_showed_without_an_event_joins_nothing(jitter_s: float) -> None:
    seen = witness(stream((OUT,), jitter(jitter_s)), floor_s=jitter_s + PERIOD_S)

    settling = seen.settling(seen.outage(hidden=False))

    assert settling.silences == 0
    assert covers(settling.time, TRUE_S)


@pytest.mark.parametrize("jitter_s", [0.05, 0.15, 0.5])
def test_jitter_while_the_computer_stood_still_joins_nothing(jitter_s: float) -> None:
    seen = witness(stream((OUT,), jitter(jitter_s)), stalls=jitter(jitter_s))

    settling = seen.settling(seen.outage(hidden=False))

    assert settling.silences == 0
    assert covers(settling.time, TRUE_S)


def test_a_service_that_comes_and_goes_three_times_is_said_to() -> None:
    again = ((12.0, 12.4), (13.0, 13.6), (14.5, 15.0))
    seen = witness(stream((OUT, *again)))
    outage = seen.outage(hidden=False)

    settling = seen.settling(outage)
    (said,) = comings_and_goings(settling, settling)

    assert covers(outage, TRUE_S)
    assert covers(settling.time, 15.0 - OUT[0])
    assert (settling.silences, round(settling.silences_s, 2)) == (3, 1.5)
    assert said.startswith("the service came and went: beside the outage 3 more of 1.5")
    assert "settled after 5.0" in said


def settled(silences: int) -> Settling:
    time = Measurement(name="x", value=5.0, unit="s", uncertainty=0.1, source="y", taken_at_s=0.0)
    return Settling(time=time, silences=silences, silences_s=0.3 * silences)


def test_silences_of_one_instrument_alone_are_not_called_the_services() -> None:
    (said,) = comings_and_goings(settled(0), settled(2))
    assert "the counter alone" in said
    assert "came and went" not in said
    assert comings_and_goings(settled(0), settled(0)) == ()
    (alone,) = comings_and_goings(settled(1), None)
    assert "came and went" in alone


def measured(value: float) -> Measurement:
    return Measurement(
        name="x", value=value, unit="s", uncertainty=0.01, source="y", taken_at_s=0.0
    )


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ((Gap(1.0, 2.0), Gap(1.01, 2.0)), "agree"),
        ((Gap(1.0, 2.0), Gap(5.0, 6.0)), "unclear"),
        ((None, None), "agree"),
    ],
)
def test_two_equal_lengths_at_two_times_are_no_agreement(
    seen: Sequence[Gap | None], said: str
) -> None:
    assert agreement(measured(1.0), measured(1.0), seen, clear=True) == said


def test_a_lone_sign_at_the_cut_is_told_alike_by_both() -> None:
    """A hiccup, one beat and one answer, then the power went: each saw the other's beginning."""
    hiccup = (9.94, 10.0)
    times = stream(((hiccup[0], OUT[1]),))
    lone = np.sort(np.append(times, 9.99))

    by_counter = witness(lone).outage(hidden=False)
    by_traffic = traffic_outage(
        Gap(hiccup[0], OUT[1]), witness(times).view, longest_s=1.06, taken_at_s=END_S
    )

    assert abs(by_counter.value - by_traffic.value) <= by_counter.uncertainty
    assert covers(by_counter, OUT[1] - 9.99)
    assert covers(by_counter, OUT[1] - hiccup[0])


def came_back(backlog_s: float, takes_s: float = 1e-5) -> tuple[Times, Times]:
    """Return when requests were sent and answered by a service that is `OUT`.

    It opens its socket `backlog_s` before it answers, and then works off what has queued up, one
    request each `takes_s`.
    """
    sent_s = np.arange(8.0, 14.0, PERIOD_S)
    sent_s = sent_s[(sent_s < OUT[0]) | (sent_s >= OUT[1] - backlog_s)]
    answered_s = sent_s.copy()
    free_s = OUT[1]
    for at in np.flatnonzero(sent_s >= OUT[0]):
        free_s = answered_s[at] = max(sent_s[at], free_s) + takes_s
    return sent_s, answered_s + 3e-4


@pytest.mark.parametrize("takes_s", [1e-5, 0.3e-3, 0.6e-3])
def test_a_pulse_that_waits_behind_a_backlog_is_in_the_counters_doubt(takes_s: float) -> None:
    sent_s, received_s = came_back(0.015, takes_s)
    asked = np.searchsorted(sent_s, OUT[1])  # the board's own probe, when it begins to answer
    before = stream(((OUT[0], END_S),))
    beats = np.concatenate((before, np.arange(float(received_s[asked]), END_S, PERIOD_S)))
    seen = replace(witness(beats), estimate=behind_backlog(sent_s, received_s))

    outage = seen.outage(hidden=False)

    back_s = float(received_s[received_s > OUT[0] + 0.1][0])  # its first answer is out
    assert covers(outage, back_s - OUT[0])
    assert outage.uncertainty < 0.015
    without = witness(beats).outage(hidden=False)
    assert not covers(without, back_s - OUT[0]), "or nothing is shown"


def test_a_heartbeat_that_is_later_than_the_backlog_is_not_excused() -> None:
    beats = stream(((OUT[0], OUT[1] + 0.3),))
    gap = witness(beats).gap
    assert gap

    assert backlog_s(*came_back(0.015), gap) <= 0.016
    assert backlog_s(*came_back(0.0), gap) < PERIOD_S, "no backlog, no excuse"


def test_requests_from_before_the_board_was_there_are_no_backlog_of_its_own() -> None:
    """They set the heartbeat off at once, so the pulse has waited for none of them."""
    gap = witness(stream((OUT,))).gap
    assert gap
    assert backlog_s(*came_back(0.9), gap) < 2 * PERIOD_S
