# SPDX-License-Identifier: MIT
"""From a silence to how long the service was gone, and how far that can be wrong.

docs/explanation/measuring.md
"""

from dataclasses import dataclass

from rig.measure import criteria
from rig.measure.measurement import Measurement
from rig.measure.uncertainty import (
    LATE,
    Budget,
    Contribution,
    Stamps,
    expanded,
    interruption,
    nothing_seen,
)
from rig.outage.gaps import Gap

# Of an instrument that says nothing of itself: a microsecond, an ordinary crystal
PLAIN = Stamps(resolution_s=1e-6, trigger_s=0.0, time_base=1e-6)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How one instrument sees the service: period and no-event floor in seconds."""

    name: str
    source: str
    period_s: float
    floor_s: float  # longest gap of an undisturbed run
    calibration: str = ""
    stamps: Stamps = PLAIN

    @property
    def late_s(self) -> float:
        """How late either end of a gap can be: as late as the bench was when nothing happened."""
        return max(0.0, self.floor_s - self.period_s)

    @property
    def threshold_s(self) -> float:
        """The shortest gap that is an event and not the bench's own jitter."""
        return criteria.event_s(self.period_s, self.floor_s)


def traffic_outage(
    gap: Gap | None,
    view: View,
    *,
    longest_s: float,
    taken_at_s: float,
    stalled_s: float = 0.0,
    correlation_s: float = 0.0,
) -> Measurement:
    """Estimate the outage behind a gap in the answers to datagrams sent every period.

    Both ends fall anywhere between two datagrams: T is in [G - 2P, G], its best value G - P, the
    error triangular (GUM 4.3.9): u = P/√6.  `stalled_s` is the probe's own doubt: what it failed
    to send at the gap's ends.  `correlation_s`: how wrong its stamps are when the computer's wall
    clock was set meanwhile.
    """
    period = Contribution("datagram period", view.period_s, "triangular", "both ends between two")
    return _estimate(
        gap,
        view,
        period,
        "G - P",
        longest_s,
        taken_at_s,
        stalled_s=stalled_s,
        correlation_s=correlation_s,
    )


def counter_outage(
    gap: Gap | None,
    view: View,
    *,
    longest_s: float,
    taken_at_s: float,
    stalled_s: float = 0.0,
    correlation_s: float = 0.0,
    backlog_s: float = 0.0,
) -> Measurement:
    """Estimate the outage behind a gap in a heartbeat that starts anew with the service.

    T is in [G - P, G], its best value G - P/2, the error rectangular (GUM 4.3.7): u = P/√12.
    A service that comes back to a backlog of `backlog_s` pulses later by that at most: half of it
    is taken off, and is doubt.
    `correlation_s` bounds the error between the clocks of the gap's ends, when those are two;
    `stalled_s` is how long the counter was blind in the gap, being started anew.
    """
    period = Contribution("heartbeat period", view.period_s / 2, why="the last pulse's age")
    return _estimate(
        gap,
        view,
        period,
        "G - P/2",
        longest_s,
        taken_at_s,
        stalled_s=stalled_s,
        correlation_s=correlation_s,
        backlog_s=backlog_s,
    )


def hidden_outage(view: View, *, longest_s: float, taken_at_s: float) -> Measurement:
    """Return what an instrument that looked away knows of an outage that only the other saw.

    No more than that it was not longer than its longest silence: T is in [0, G].
    """
    budget = (Contribution("own stall", longest_s / 2, why="it looked away meanwhile"),)
    method = f"not seen: it looked away itself; T in [0, G], G = {longest_s:.6f} s, k = 2"
    return _measurement(view, longest_s / 2, budget, taken_at_s, method)


def frame_loss_outage(
    lost: int, view: View, *, taken_at_s: float, unsent_s: float = 0.0
) -> Measurement:
    """Estimate the outage by RFC 6201's other method: datagrams lost over the rate offered.

    What the probe failed to send meanwhile, `unsent_s`, may have been lost or not.  A datagram
    that left late at either end was lost or not by what the bench was late.
    """
    if lost:
        value = lost * view.period_s + unsent_s / 2
        budget: Budget = (
            Contribution("datagram period", view.period_s, "triangular", "both ends between two"),
            Contribution("no-event floor", view.late_s, "triangular", LATE),
            Contribution("own stall", unsent_s / 2, why="what was not sent meanwhile"),
        )
    else:
        value = 0.0
        budget = nothing_seen(max(view.period_s, unsent_s), view.late_s)
    return Measurement(
        name=f"{view.name}.frame_loss",
        value=value,
        unit="s",
        uncertainty=expanded(budget),
        source=view.source,
        taken_at_s=taken_at_s,
        method="lost / rate (RFC 6201 frame-loss method)" if lost else "no loss",
        calibration=view.calibration,
        budget=budget,
    )


def _estimate(
    gap: Gap | None,
    view: View,
    period: Contribution,
    formula: str,
    longest_s: float,
    taken_at_s: float,
    *,
    stalled_s: float = 0.0,
    correlation_s: float = 0.0,
    backlog_s: float = 0.0,
) -> Measurement:
    """Subtract the period's half-width from the gap and state the budget, k = 2.

    Without an event the value is 0 and the doubt is the resolution: the longest gap that was
    seen, and the floor.
    """
    if gap is None:
        value, method = 0.0, "no loss; uncertainty is the resolution"
        budget = nothing_seen(max(view.period_s, longest_s), view.late_s)
    else:
        less = {"lone signs": gap.lone_s / 2, "backlog": backlog_s / 2}
        value = max(0.0, gap.length_s - period.half_width - sum(less.values()))
        off = "".join(f" less {part_s:.6f} s of {what}" for what, part_s in less.items() if part_s)
        method = f"{formula}{off} (RFC 6201 timestamp method), G = {gap.length_s:.6f} s, k = 2"
        budget = interruption(
            gap.length_s,
            period=period,
            stamps=view.stamps,
            late_s=view.late_s,
            correlation_s=correlation_s,
            stalled_s=stalled_s,
            lone_s=gap.lone_s,
            backlog_s=backlog_s,
        )
    return _measurement(view, value, budget, taken_at_s, method)


def _measurement(
    view: View, value: float, budget: Budget, taken_at_s: float, method: str
) -> Measurement:
    return Measurement(
        name=view.name,
        value=value,
        unit="s",
        uncertainty=expanded(budget),
        source=view.source,
        taken_at_s=taken_at_s,
        method=method,
        calibration=view.calibration,
        budget=budget,
    )


def agree(one: Measurement, other: Measurement) -> bool:
    """Tell whether two views differ by no more than their uncertainties together."""
    return abs(one.value - other.value) <= one.uncertainty + other.uncertainty
