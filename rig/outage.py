# SPDX-License-Identifier: MIT
"""From the times of good answers or heartbeats to an outage, docs/explanation/measuring.md."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rig.budget import LATE, Budget, Contribution, Stamps, expanded, interruption, nothing_seen
from rig.measure import Measurement

Times: TypeAlias = NDArray[np.float64]  # s, ascending
Spans: TypeAlias = tuple[tuple[float, float], ...]  # from … to, s

RECOVERED_GOOD = 5  # RFC 6412 section 3.5.6 and 3.5.7: recovered after five good packets …
RECOVERED_CLEAN_S = 5.0  # … and five seconds
FLAP_S = 0.1  # beside a longer gap, a shorter one than this is jitter (RFC 6201 section 3.1.1)
FLAP_SHARE = 0.05
# Of an instrument that says nothing of itself: a microsecond, an ordinary crystal
PLAIN = Stamps(resolution_s=1e-6, trigger_s=0.0, time_base=1e-6)


@dataclass(frozen=True, slots=True)
class Gap:
    """Silence between the last good sign before and the first one after, monotonic seconds."""

    before_s: float
    after_s: float
    lost: int = 0

    @property
    def length_s(self) -> float:
        return self.after_s - self.before_s


@dataclass(frozen=True, slots=True)
class Outage:
    """Gaps with no recovery between them: a service that flaps is out all the time."""

    gaps: tuple[Gap, ...]

    @property
    def span(self) -> Gap:
        lost = sum(gap.lost for gap in self.gaps)
        return Gap(self.gaps[0].before_s, self.gaps[-1].after_s, lost)

    @property
    def longest(self) -> Gap:
        return max(self.gaps, key=lambda gap: gap.length_s)


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
        """The shortest gap that is an event and not the bench's own jitter.

        The floor is measured on an idle board.  A busy one (it unpacks and hashes an image) was
        seen to delay, not lose, up to 13 periods; what is shorter than 20 is no event, and then
        the longest gap is the resolution of the claim of no loss.
        """
        return max(20 * self.period_s, 1.5 * self.floor_s)


def longest_gap(times_s: Times, own: Spans = ()) -> Gap:
    """Return the longest silence; of length 0 when there are less than two times.

    A silence that lies in a span of `own` is the instrument's and passed over.
    """
    if times_s.size < 2:
        at_s = float(times_s[0]) if times_s.size else 0.0
        return Gap(at_s, at_s)
    lengths = np.diff(times_s)
    for from_s, to_s in own:
        first = int(np.searchsorted(times_s, from_s, "left"))
        last = int(np.searchsorted(times_s, to_s, "right")) - 1
        lengths[first : max(first, last)] = 0.0
    at = int(np.argmax(lengths))
    return Gap(float(times_s[at]), float(times_s[at + 1]))


def missed_s(gap: Gap, own: Spans) -> float:
    """Return how long the instrument itself looked away while the gap lasted, in seconds."""
    overlaps = (min(to_s, gap.after_s) - max(from_s, gap.before_s) for from_s, to_s in own)
    return sum(max(0.0, overlap_s) for overlap_s in overlaps)


class Silences:
    """Every silence of a stream that is handed over part by part; keeps silences, not stamps."""

    def __init__(self, threshold_s: float) -> None:
        self._threshold_s = threshold_s
        self._last: Times = np.empty(0)
        self._stamps = 0
        self._places: list[int] = []  # the number of the stamp before each silence
        self._gaps: list[Gap] = []
        self.longest = Gap(0.0, 0.0)

    def add(self, times_s: Times) -> None:
        """Take the next part, in order of time."""
        part = np.concatenate((self._last, times_s))
        first = self._stamps - self._last.size
        lengths = np.diff(part)
        for at in np.flatnonzero(lengths > self._threshold_s):
            self._places.append(first + int(at))
            self._gaps.append(Gap(float(part[at]), float(part[at + 1])))
        if lengths.size and float(lengths.max()) > self.longest.length_s:
            self.longest = longest_gap(part)
        self._stamps += times_s.size
        self._last = part[-1:].copy()

    def outages(self, own: Spans = ()) -> tuple[Outage, ...]:
        """Group the silences until now into outages, as the function of that name does."""
        found = [
            (at, gap)
            for at, gap in zip(self._places, self._gaps, strict=True)
            if gap.length_s - missed_s(gap, own) > self._threshold_s
        ]
        longest_s = max((gap.length_s for _, gap in found), default=0.0)
        jitter_s = max(self._threshold_s, min(FLAP_S, FLAP_SHARE * longest_s))
        groups: list[list[Gap]] = []
        up_from = 0  # the number of the first stamp after the last silence
        for at, gap in found:
            if gap.length_s <= jitter_s:
                continue
            if groups and not _clean(groups[-1][-1].after_s, gap.before_s, at + 1 - up_from):
                groups[-1].append(gap)
            else:
                groups.append([gap])
            up_from = at + 1
        return tuple(Outage(tuple(group)) for group in groups)


def outages(times_s: Times, threshold_s: float, own: Spans = ()) -> tuple[Outage, ...]:
    """Group the gaps into outages: two gaps are one outage unless the service recovered between.

    Recovered is what RFC 6412 sections 3.5.6 and 3.5.7 say: five good answers and 5 s clean.
    A gap that would be no event without what the instrument itself missed of it, in the spans of
    `own`, is the instrument's and joins nothing.
    """
    silences = Silences(threshold_s)
    silences.add(times_s)
    return silences.outages(own)


def worst(times_s: Times, threshold_s: float) -> Outage | None:
    """Return the outage of the longest span, None when there was none."""
    found = outages(times_s, threshold_s)
    return max(found, key=lambda outage: outage.span.length_s) if found else None


def has_recovered(times_s: Times, threshold_s: float, now_s: float, own: Spans = ()) -> bool:
    """Tell whether the service is up and has been so long enough after its last outage."""
    if times_s.size < RECOVERED_GOOD or now_s - times_s[-1] > max(FLAP_S, 2 * threshold_s):
        return False
    found = outages(times_s, threshold_s, own)
    return not found or _recovered(times_s, found[-1].span.after_s, float(times_s[-1]))


def _recovered(times_s: Times, from_s: float, to_s: float) -> bool:
    good = np.searchsorted(times_s, to_s, "right") - np.searchsorted(times_s, from_s, "left")
    return _clean(from_s, to_s, int(good))


def _clean(from_s: float, to_s: float, good: int) -> bool:
    return to_s - from_s >= RECOVERED_CLEAN_S and good >= RECOVERED_GOOD


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
) -> Measurement:
    """Estimate the outage behind a gap in a heartbeat that starts anew with the service.

    T is in [G - P, G], its best value G - P/2, the error rectangular (GUM 4.3.7): u = P/√12.
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
) -> Measurement:
    """Subtract the period's half-width from the gap and state the budget, k = 2.

    Without an event the value is 0 and the doubt is the resolution: the longest gap that was
    seen, and the floor.
    """
    if gap is None:
        value, method = 0.0, "no loss; uncertainty is the resolution"
        budget = nothing_seen(max(view.period_s, longest_s), view.late_s)
    else:
        value = max(0.0, gap.length_s - period.half_width)
        method = f"{formula} (RFC 6201 timestamp method), G = {gap.length_s:.6f} s, k = 2"
        budget = interruption(
            gap.length_s,
            period=period,
            stamps=view.stamps,
            late_s=view.late_s,
            correlation_s=correlation_s,
            stalled_s=stalled_s,
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
