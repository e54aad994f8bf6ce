# SPDX-License-Identifier: MIT
"""From the times of good answers or heartbeats to outages, docs/explanation/measuring.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rig.measure.criteria import CLEAN_S, GOOD_SIGNS, JITTER_S, clean_s

Times: TypeAlias = NDArray[np.float64]  # s, ascending
Spans: TypeAlias = tuple[tuple[float, float], ...]  # from … to, s


@dataclass(frozen=True, slots=True)
class Gap:
    """Silence between the last good sign before and the first one after, monotonic seconds.

    `lone_s`: how much shorter its longest piece is, where it holds lone signs of life.
    """

    before_s: float
    after_s: float
    lone_s: float = 0.0

    @property
    def length_s(self) -> float:
        return self.after_s - self.before_s

    def meets(self, other: "Gap") -> bool:
        """Tell whether there is a moment that lies in both."""
        return self.before_s < other.after_s and other.before_s < self.after_s


@dataclass(frozen=True, slots=True)
class Outage:
    """Silences with no recovery between them, in order of time.

    The longest is the outage; the service has settled after the last.
    """

    gaps: tuple[Gap, ...]

    @property
    def span(self) -> Gap:
        """From the first silence until five clean seconds began."""
        return Gap(self.gaps[0].before_s, self.gaps[-1].after_s)

    @property
    def longest(self) -> Gap:
        return max(self.gaps, key=lambda gap: gap.length_s)

    @property
    def others(self) -> tuple[Gap, ...]:
        """All but the longest."""
        longest = self.longest
        return tuple(gap for gap in self.gaps if gap is not longest)


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
    """Return how long the instrument itself looked away while the gap lasted, in seconds.

    Spans of `own` that overlap count once.
    """
    found_s, until_s = 0.0, gap.before_s
    for from_s, to_s in sorted(own):
        to_s = min(to_s, gap.after_s)  # noqa: PLW2901 # cut off
        found_s += max(0.0, to_s - max(from_s, until_s))
        until_s = max(until_s, to_s)
    return found_s


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

    def outages(self, own: Spans = (), stalls: Spans = ()) -> tuple[Outage, ...]:
        """Group the silences until now into outages, as the function of that name does."""
        found = list(self._joined(own))
        longest_s = max((gap.length_s for _, gap, _ in found), default=0.0)
        jitter_s = clean_s(self._threshold_s, longest_s)
        groups: list[list[Gap]] = []
        up_from = 0  # the number of the first stamp after the last silence
        for first, gap, last in found:
            excused_s = missed_s(gap, stalls) if gap.length_s < longest_s else 0.0
            if gap.length_s - excused_s <= jitter_s:
                continue
            if groups and not _clean(groups[-1][-1].after_s, gap.before_s, first + 1 - up_from):
                groups[-1].append(gap)
            else:
                groups.append([gap])
            up_from = last + 1
        return tuple(Outage(tuple(group)) for group in groups)

    def _joined(self, own: Spans) -> Iterator[tuple[int, Gap, int]]:
        """Give each silence with the numbers of the stamps before its first and its last piece.

        Fewer than five signs of life between two silences are no service (RFC 6412 section 3.5.6):
        the two are one, known no better than from its longest piece to its whole length.
        """
        run: list[tuple[int, Gap]] = []
        for at, gap in zip(self._places, self._gaps, strict=True):
            if gap.length_s - missed_s(gap, own) <= self._threshold_s:
                continue
            if run and at - run[-1][0] >= GOOD_SIGNS:
                yield _one(run)
                run = []
            run.append((at, gap))
        if run:
            yield _one(run)


def _one(run: Sequence[tuple[int, Gap]]) -> tuple[int, Gap, int]:
    """Make one silence of pieces with lone signs of life between them."""
    (first, begin), (last, end) = run[0], run[-1]
    whole_s = end.after_s - begin.before_s
    piece_s = max(gap.length_s for _, gap in run)
    return first, Gap(begin.before_s, end.after_s, whole_s - piece_s), last


def outages(
    times_s: Times, threshold_s: float, own: Spans = (), stalls: Spans = ()
) -> tuple[Outage, ...]:
    """Group the silences into outages: two are one outage unless the service recovered between.

    Recovered is what RFC 6412 sections 3.5.6 and 3.5.7 say: five good answers and 5 s clean.
    A silence that would be no event without what the instrument itself missed of it, in the spans
    of `own`, is the instrument's and no outage.  In `stalls` the rig's computer stood still: a
    silence that is no event without them joins no longer one.
    """
    silences = Silences(threshold_s)
    silences.add(times_s)
    return silences.outages(own, stalls)


def has_recovered(
    times_s: Times, threshold_s: float, now_s: float, own: Spans = (), stalls: Spans = ()
) -> bool:
    """Tell whether the service is up and has been so long enough after its last outage."""
    if times_s.size < GOOD_SIGNS or now_s - times_s[-1] > max(JITTER_S, 2 * threshold_s):
        return False
    found = outages(times_s, threshold_s, own, stalls)
    return not found or _recovered(times_s, found[-1].span.after_s, float(times_s[-1]))


def _recovered(times_s: Times, from_s: float, to_s: float) -> bool:
    good = np.searchsorted(times_s, to_s, "right") - np.searchsorted(times_s, from_s, "left")
    return _clean(from_s, to_s, int(good))


def _clean(from_s: float, to_s: float, good: int) -> bool:
    return to_s - from_s >= CLEAN_S and good >= GOOD_SIGNS
