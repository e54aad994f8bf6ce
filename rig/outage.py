# SPDX-License-Identifier: MIT
"""From the times of good answers or heartbeats to outages, docs/explanation/measuring.md."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Times: TypeAlias = NDArray[np.float64]  # s, ascending
Spans: TypeAlias = tuple[tuple[float, float], ...]  # from … to, s

RECOVERED_GOOD = 5  # RFC 6412 section 3.5.6 and 3.5.7: recovered after five good packets …
RECOVERED_CLEAN_S = 5.0  # … and five seconds
FLAP_S = 0.1  # beside a longer gap, a shorter one than this is jitter (RFC 6201 section 3.1.1)
FLAP_SHARE = 0.05


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
