# SPDX-License-Identifier: MIT
"""The heartbeat as a counter stamps it: its runs one after the other, in the rig's own time."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rig.clock import Clock
from rig.instruments.edges import PERIOD_MAX_S, Correlation
from rig.measure.uncertainty import Stamps
from rig.outage.gaps import Gap, Spans, Times

NEARLY_FULL = 0.75  # of what a counter holds; the rest is time to find a moment without a gap
STEADY_S = 1.0  # of beats before such a moment


class Counter(Protocol):
    """What is needed of a counter of heartbeats."""

    READINGS_MAX: int
    STAMPS: Stamps
    readings: int

    def identity(self) -> str: ...
    def start(self) -> None: ...
    def drain(self) -> Times: ...
    def correlate(self) -> Correlation: ...
    def stop(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class Renewal:
    """A new start of the counter; all in seconds of the rig's time.

    `error_…_s` is how far the clock of the run before it, and after it, may be from the rig's.
    """

    last_s: float  # the last beat before it
    asked_s: float  # until then the counter was looking
    ready_s: float  # from then on it looked again
    error_before_s: float
    first_s: float = math.inf  # the first beat after it
    error_after_s: float = 0.0

    @property
    def blind(self) -> tuple[float, float]:
        """From when to when the silence is the counter's own: from a beat to a beat.

        A heartbeat that was silent when the counter looked away, or when it looked again, was so by
        itself, and then the counter's part is only while it did not look.
        """
        alive_before = self.last_s >= self.asked_s - PERIOD_MAX_S
        alive_after = self.first_s <= self.ready_s + self.error_after_s  # has PERIOD_MAX_S in it
        return (
            self.last_s if alive_before else self.asked_s,
            self.first_s if alive_after else self.ready_s,
        )


class Beats:
    """All that `counter` has stamped since `start` and nobody has forgotten; times in seconds.

    A counter holds so many stamps and no more: it is started anew before that, and when it was
    blind is remembered.  `period_s` is the heartbeat's.
    """

    def __init__(self, counter: Counter, clock: Clock, period_s: float) -> None:
        self.counter = counter
        self._clock = clock
        self._period_s = period_s
        self._earlier: Times = np.empty(0)  # of runs that have ended, in the rig's time
        self._run: Times = np.empty(0)  # of this run, in the instrument's
        self._first_s: float | None = None  # the run's first beat, in the instrument's
        self._renewals: list[Renewal] = []
        self.known_until_s = 0.0  # what the counter saw until then has been read

    def start(self) -> None:
        """Start the counter: it stamps from now on."""
        self.counter.start()
        self.known_until_s = self._clock.now()

    def drain(self) -> None:
        """Read what the counter has stamped since the last time.

        When it is nearly full it is started anew, while the heartbeat is steady: an outage is
        not to fall into the moment in which the counter is blind.
        """
        self.known_until_s = self._clock.now()
        fresh = self.counter.drain()
        if fresh.size and self._first_s is None:
            self._first_s = float(fresh[0])
        self._run = np.concatenate((self._run, fresh))
        self._note_first()
        if self.counter.readings >= NEARLY_FULL * self.counter.READINGS_MAX and self._is_steady():
            self._renew()

    def tend(self) -> None:
        """Read the counter if it may be nearly full by now; costs nothing otherwise."""
        if self._held() >= NEARLY_FULL * self.counter.READINGS_MAX:
            self.drain()

    def _held(self) -> float:
        """Return how many stamps the counter may have taken by now."""
        since_s = self._clock.now() - self.known_until_s
        return self.counter.readings + since_s / self._period_s

    def make_room(self) -> None:
        """Read the counter, and start it anew when less than half of what it can hold is left.

        One that nobody has read for so long that it may have stopped is not read any more.
        """
        if self._held() < self.counter.READINGS_MAX:
            self.drain()
        if self._held() > self.counter.READINGS_MAX / 2:
            self._renew()

    def _renew(self) -> None:
        error_s = self.error_s if self._first_s is not None else 0.0
        self._earlier, self._run = self.since(-math.inf), np.empty(0)
        self._first_s = None
        asked_s = self.known_until_s
        last_s = float(self._earlier[-1]) if self._earlier.size else asked_s
        self.counter.start()
        self._renewals.append(
            Renewal(
                last_s=last_s, asked_s=asked_s, ready_s=self._clock.now(), error_before_s=error_s
            )
        )

    def _note_first(self) -> None:
        """Keep the first beat after a new start in the rig's time, as well as that is known now."""
        if self._renewals and self._first_s is not None:
            renewal, correlation = self._renewals[-1], self.counter.correlate()
            renewal.first_s = max(renewal.last_s, self._first_s + correlation.offset_s)
            renewal.error_after_s = correlation.error_s

    def _is_steady(self) -> bool:
        """Tell whether beats came without a gap until the last reading."""
        from_s = self.known_until_s - STEADY_S
        times = np.concatenate(([from_s], self.since(from_s), [self.known_until_s]))
        return float(np.max(np.diff(times))) <= PERIOD_MAX_S

    def forget(self, before_s: float) -> None:
        """Drop the stamps from before a time, all but the last: a run may last for a night."""
        self._earlier = self._earlier[self._earlier >= before_s]
        self._renewals = [renewal for renewal in self._renewals if renewal.first_s >= before_s]
        if self._run.size:
            before_s -= self.counter.correlate().offset_s
            first = int(np.searchsorted(self._run, before_s, "left"))
            self._run = self._run[min(first, self._run.size - 1) :].copy()

    def since(self, from_s: float) -> Times:
        """Return the times of all beats from `from_s` on, in the rig's time and in order."""
        run = self._run
        if run.size:
            run = run + self.counter.correlate().offset_s
            if self._earlier.size:  # by the errors of two clocks a run may seem to begin too early
                run = np.maximum(run, self._earlier[-1])
        times = np.concatenate((self._earlier, run))
        return times[times >= from_s]

    @property
    def sees(self) -> bool:
        """Whether there was a beat since the counter was last started."""
        return self._first_s is not None

    @property
    def error_s(self) -> float:
        """How far the counter's clock may be from where the rig thinks that it is."""
        if not self.sees and self._renewals:  # nothing is timed by the new run yet
            return self._renewals[-1].error_before_s
        return self.counter.correlate().error_s

    @property
    def blind(self) -> Spans:
        """From when to when the counter saw nothing, as it was started anew."""
        return tuple(renewal.blind for renewal in self._renewals)

    def doubt_s(self, seen: Gap | None) -> float:
        """Return how well the clocks of a gap's two ends are known to each other, in seconds.

        Nothing is in doubt within one run of the counter; the clock of a run before a new start
        and of the one after are each tied to the rig's.
        """
        inside = [
            renewal
            for renewal in self._renewals
            if seen and seen.before_s <= renewal.last_s and renewal.first_s <= seen.after_s
        ]
        return inside[0].error_before_s + inside[-1].error_after_s if inside else 0.0
