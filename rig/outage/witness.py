# SPDX-License-Identifier: MIT
"""What one instrument says of one event: how long its outage was, and how long it took to settle.

docs/explanation/measuring.md, "Two lengths"
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from rig.measure.criteria import CLEAN_S, GOOD_SIGNS
from rig.measure.measurement import Measurement
from rig.outage.estimate import View, hidden_outage
from rig.outage.event import Span, doubted, find, longest, looked_away_s
from rig.outage.gaps import Gap, Outage, Spans, Times
from rig.outage.result import Settling


class Estimate(Protocol):
    """Makes a measured time of a silence, as `traffic_outage` and `counter_outage` do."""

    def __call__(
        self,
        gap: Gap | None,
        view: View,
        *,
        longest_s: float,
        taken_at_s: float,
        stalled_s: float = 0.0,
        correlation_s: float = 0.0,
    ) -> Measurement: ...


@dataclass(frozen=True, kw_only=True)
class Witness:
    """The signs of life that one instrument stamped around an event, looked at `now_s`.

    In the spans of `own` it looked away itself; in those of `stalls` the rig's computer stood
    still, which its own clock knows.  Times in seconds of the rig's clock, known to `error_s`.
    """

    view: View
    estimate: Estimate
    times_s: Times
    span: Span
    now_s: float
    recovered: bool
    own: Spans = ()
    stalls: Spans = ()
    busy: bool = False  # it looked away because its computer was busy: a doubt of what is beside
    error_s: float = 0.0
    stalled_s: Callable[[Gap, View], float] = lambda _gap, _view: 0.0
    correlation_s: Callable[[Gap], float] = lambda _: 0.0

    @cached_property
    def event(self) -> Outage | None:
        """What it saw of the event; None: nothing that is one."""
        span = self.span.wider(self.error_s)
        return find(
            self.times_s, self.view, span, self.now_s, self.recovered, self.own, self.stalls
        )

    @property
    def gap(self) -> Gap | None:
        """The longest silence that the event made."""
        return self.event.longest if self.event else None

    def missed_s(self, *seen: Gap | None) -> float:
        """Return for how much of what either instrument saw this one looked away."""
        # Its stamps may be late by the error of its clock, never early.
        own = tuple((from_s - self.error_s, to_s) for from_s, to_s in self.own)
        return looked_away_s(own, *seen)

    def outage(self, *, hidden: bool) -> Measurement:
        """Measure the outage; `hidden`: it looked away while there was something to be seen."""
        longest_s = longest(self.times_s, self.span.wider(self.error_s), self.gap)
        if hidden and self.gap is None:
            return hidden_outage(self.view, longest_s=longest_s, taken_at_s=self.now_s)
        return self._measured(self.gap, longest_s)

    def settling(self, outage: Measurement) -> Settling:
        """Measure how long the service took until five clean seconds began.

        Without an event it is what is said of the outage: nothing, and with which resolution.
        """
        measured, others = outage, self.event.others if self.event else ()
        if self.event and others:
            measured = self._measured(self.event.span, self.event.span.length_s)
        method = (
            f"from the first silence of more than {self.view.threshold_s:.3f} s to the first of"
            f" {GOOD_SIGNS} good signs and {CLEAN_S:g} s clean (RFC 6412); {measured.method}"
        )
        return Settling(
            time=replace(
                measured, name=self.view.name.replace("outage", "settle", 1), method=method
            ),
            silences=len(others),
            silences_s=sum(gap.length_s for gap in others),
        )

    def doubted(self) -> View:
        """Return its view with the floor of what is beside the event, but for its own silences."""
        gaps = self.event.gaps if self.event else ()
        silences = tuple((gap.before_s, gap.after_s) for gap in gaps)
        own = silences if self.busy else (*self.own, *silences)
        return doubted(self.view, self.times_s, self.gap, own)

    def _measured(self, gap: Gap | None, longest_s: float) -> Measurement:
        view = self.doubted()
        return self.estimate(
            gap,
            view,
            longest_s=longest_s,
            taken_at_s=self.now_s,
            stalled_s=self.stalled_s(gap, view) if gap else 0.0,
            correlation_s=self.correlation_s(gap) if gap else 0.0,
        )
