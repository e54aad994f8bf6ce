# SPDX-License-Identifier: MIT
"""What one instrument saw of one event, out of the times of its signs of life; pure."""

import os
from dataclasses import dataclass, replace
from errno import errorcode

import numpy as np

from rig.errors import BenchError
from rig.outage.estimate import View
from rig.outage.gaps import Gap, Outage, Spans, Times, has_recovered, longest_gap, missed_s, outages

LEAD_S = 1.0  # how much before the mark the service must be known
RATE_SHARE = 0.05  # a heartbeat further from its rate is another; jitter moved the median by 0.016


@dataclass(slots=True)
class Episode:
    """A stretch of time in which an event is expected."""

    label: str
    opened_s: float
    closed_s: float | None = None
    by_traffic: bool = False  # seen to settle, at whatever time, by this instrument
    by_counter: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The time that an event is looked for in: it begins from `first_s` to `last_s`."""

    first_s: float
    last_s: float
    from_s: float  # signs of life are looked at from here …
    until_s: float = float("inf")  # … to here

    def with_gap(self, seen: Gap | None) -> Gap:
        """Return from when to when something may have been lost."""
        if seen is None:
            return Gap(self.first_s, self.last_s)
        return Gap(min(self.first_s, seen.before_s), max(self.last_s, seen.after_s))

    def wider(self, error_s: float) -> "Span":
        """Return the span for an instrument whose clock is known to `error_s` only."""
        return replace(self, first_s=self.first_s - error_s, last_s=self.last_s + error_s)


def settled(
    times_s: Times,
    view: View,
    episode: Episode,
    now_s: float,
    own: Spans = (),
    stalls: Spans = (),
) -> bool:
    """Tell whether the service has been good for long enough since the episode was closed.

    A gap that lies in a span of `own` is the instrument's; in `stalls` the rig's computer stood
    still.
    """
    closed_s = episode.closed_s if episode.closed_s is not None else now_s
    inside = times_s[times_s >= episode.opened_s - LEAD_S]
    if now_s < closed_s + LEAD_S or not inside.size or float(inside[-1]) <= closed_s:
        return False
    return has_recovered(inside, view.threshold_s, now_s, own, stalls)


def dissent(*, by_traffic: bool, by_counter: bool, answered: bool) -> str:
    """Say why the bench may be at fault when the instruments did not see a service settle together.

    `by_…`: that instrument saw it settle.  `answered`: the datagrams of the last seconds were
    answered, in time or late.  Empty: it is not well, as far as anybody can tell; one that does not
    answer is not well, whatever its heartbeat does.
    """
    if not answered:
        return ""
    if by_traffic and by_counter:
        return "each saw it settle, but not at one time: take work off the rig's computer"
    if by_traffic:
        return (
            "every datagram is answered and the heartbeat does not settle: look at the line from"
            " the board to the counter's input, and at the counter's clock"
        )
    if by_counter:
        return (
            "the heartbeat is steady and every datagram is answered, but late: look at the network"
            " between rig and board; if that is well, the board's own has become slow"
        )
    return ""


def find(
    times_s: Times,
    view: View,
    span: Span,
    now_s: float,
    recovered: bool,
    own: Spans,
    stalls: Spans = (),
) -> Outage | None:
    """Return the outage with the longest silence that began in `span`; silence to the end is one.

    A gap that lies in a span of `own` is the instrument's and no outage, nor part of one.  In
    `stalls` the rig's computer stood still.
    """
    if not recovered and (not times_s.size or now_s - float(times_s[-1]) > view.threshold_s):
        # Nothing has come back: what has passed until now is a lower bound.
        times_s = np.append(times_s if times_s.size else [span.first_s], now_s)
    found = [
        outage
        for outage in outages(times_s, view.threshold_s, own, stalls)
        if span.first_s <= outage.span.before_s <= span.last_s
    ]
    return max(found, key=lambda outage: outage.longest.length_s) if found else None


def longest(times_s: Times, span: Span, seen: Gap | None) -> float:
    """Return the longest gap that began in the span: the resolution of a claim of no loss."""
    if seen:
        return seen.length_s
    first = int(np.searchsorted(times_s, span.first_s, "left"))
    last = int(np.searchsorted(times_s, span.last_s, "right"))
    return longest_gap(times_s[first : last + 1]).length_s  # with the one that ends the last gap


def doubted(view: View, times_s: Times, span: Gap | None, own: Spans = ()) -> View:
    """Return the view with the floor of its surroundings, when that is worse than the campaign's.

    What the bench was late by in the clean seconds beside the event, it may have been at its ends.
    In the spans of `own` it was not late: the instrument looked away.
    """
    if span is None:
        return view
    beside = (times_s[times_s <= span.before_s], times_s[times_s >= span.after_s])
    return replace(
        view, floor_s=max(view.floor_s, *(longest_gap(times, own).length_s for times in beside))
    )


def looked_away_s(own: Spans, *seen: Gap | None) -> float:
    """Return for how much of what was seen, by either instrument, one of them looked away."""
    return max((missed_s(gap, own) for gap in seen if gap), default=0.0)


def check_rate(beats_s: Times, period_s: float) -> None:
    """Make sure that the heartbeat has the period that all estimates take it to have.

    The median and the mean: silences move the mean (up), and pulses that a busy computer stamps
    together the median (down); another rate moves both, and to the same side.

    Raises:
        BenchError: it has another.
    """
    periods_s = np.diff(beats_s)
    seen_s = float(np.median(periods_s))
    off = [found - period_s for found in (seen_s, float(np.mean(periods_s)))]
    if min(off) > RATE_SHARE * period_s or max(off) < -RATE_SHARE * period_s:
        raise BenchError(
            f"the heartbeat comes every {seen_s * 1e3:.3f} ms and not every {period_s * 1e3:g} ms:"
            " look at which signal is wired to the counter's input, at a divider there, at the"
            " counter's time base, and whether the board's firmware is the rig's"
        )


def check_sends(event: Gap, blocked: Spans, errors: tuple[int, ...], *, at_most_s: float) -> None:
    """Make sure that the rig's own computer could send while the event lasted.

    Raises:
        BenchError: it could not, for longer than `at_most_s`; names the errors.
    """
    blocked_s = missed_s(event, blocked)
    if blocked_s > at_most_s:
        names = ", ".join(f"{errorcode.get(code, code)} ({os.strerror(code)})" for code in errors)
        raise BenchError(
            f"the rig's own computer could not send for {blocked_s:.3f} s of"
            f" {event.length_s:.1f} s: {names}: look at its network interface, routes and firewall"
        )


def stalled_at_ends(span: Gap | None, stalls: Spans, within_s: float) -> float:
    """Return how long the probe itself sent nothing at the ends of the gap, in seconds.

    `within_s`: an answer may have been under way for so long.
    """
    if span is None:
        return 0.0
    return sum(
        to_s - from_s
        for from_s, to_s in stalls
        if abs(from_s - span.before_s) <= within_s
        or abs(to_s - span.after_s) <= within_s
        or from_s <= span.after_s <= to_s
        or from_s <= span.before_s <= to_s
    )
