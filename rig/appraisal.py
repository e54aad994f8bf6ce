# SPDX-License-Identifier: MIT
"""What each instrument says of one event, and what must be known beside it."""

from dataclasses import dataclass

from rig.beats import Beats
from rig.instruments.traffic import Answers
from rig.measure import Measurement
from rig.outage import (
    Gap,
    Times,
    View,
    agree,
    counter_outage,
    hidden_outage,
    missed_s,
    traffic_outage,
)
from rig.sighting import Span, doubted, find, longest, looked_away_s, stalled_at_ends


@dataclass(frozen=True, slots=True)
class CounterSight:
    """What a counter saw in `span`, looked at `now_s`."""

    beats: Beats
    view: View
    span: Span
    now_s: float

    @property
    def _times_s(self) -> Times:
        times = self.beats.since(self.span.from_s)
        return times[times <= self.span.until_s]

    @property
    def _span(self) -> Span:
        return self.span.wider(self.beats.error_s)

    def find(self, *, recovered: bool) -> Gap | None:
        """Return the outage that it saw."""
        times, blind = self._times_s, self.beats.blind
        found = find(times, self.view, self._span, self.now_s, recovered, blind)
        return found.span if found else None

    def blind_s(self, *seen: Gap | None) -> float:
        """Return for how much of what either instrument saw it may have been blind."""
        error_s = self.beats.error_s  # its stamps may be late by so much, never early
        blind = tuple((from_s - error_s, to_s) for from_s, to_s in self.beats.blind)
        return looked_away_s(blind, *seen)

    def measure(self, seen: Gap | None, *, hidden: bool) -> Measurement:
        """Measure what it saw; `hidden`: it was blind while there was something to be seen."""
        times, blind = self._times_s, self.beats.blind
        longest_s = longest(times, self._span, seen)
        if hidden and seen is None:
            return hidden_outage(self.view, longest_s=longest_s, taken_at_s=self.now_s)
        return counter_outage(
            seen,
            doubted(self.view, times, seen, blind),
            longest_s=longest_s,
            taken_at_s=self.now_s,
            stalled_s=missed_s(seen, blind) if seen else 0.0,
            correlation_s=self.beats.doubt_s(seen),
        )


def by_traffic(
    answers: Answers, view: View, span: Span, seen: Gap | None, now_s: float, *, hidden: bool
) -> Measurement:
    """Measure what the probe saw; `hidden`: it stood still while there was something to be seen."""
    good_s = answers.good_s
    longest_s = longest(good_s, span, seen)
    if hidden and seen is None:
        return hidden_outage(view, longest_s=longest_s, taken_at_s=now_s)
    return traffic_outage(
        seen,
        doubted(view, good_s, seen),
        longest_s=longest_s,
        taken_at_s=now_s,
        stalled_s=stalled_at_ends(seen, answers.stalls, view.period_s),
        correlation_s=answers.stamp_doubt_s,
    )


def agreement(traffic: Measurement, counter: Measurement | None, *, clear: bool) -> str:
    """Say whether both agree; they cannot where one looked away from what the other saw."""
    if counter is None:
        return "traffic only"
    return "agree" if clear and agree(traffic, counter) else "unclear"


def notes(
    answers: Answers, *, blind_s: float, floor_assumed: bool, recovered: bool, feed: str
) -> tuple[str, ...]:
    """Say what whoever reads the values must know."""
    found: list[str] = []
    if answers.stalls:
        stalled_s = sum(to_s - at_s for at_s, to_s in answers.stalls)
        found.append(f"the traffic probe itself stalled for {stalled_s:.3f} s")
    if answers.restamped:
        found.append(
            f"this computer's wall clock was set: {answers.restamped} answers are timed by when"
            f" they were read, which may be {answers.stamp_doubt_s:.3f} s late"
        )
    if blind_s:
        found.append(
            f"the counter was started anew and may have been blind for {blind_s:.3f} s of the"
            " outage: what it says is in doubt"
        )
    if floor_assumed:
        found.append("the floor is assumed: there was no undisturbed run")
    if not recovered:
        found.append("the service did not recover: values are lower bounds")
    if feed:
        found.append(f"the board's current was not read to the end: {feed}")
    return tuple(found)
