# SPDX-License-Identifier: MIT
"""The heartbeat as a counter stamps it: its runs one after the other, in the rig's own time."""

from typing import Protocol

import numpy as np

from rig.budget import Stamps
from rig.clock import Clock
from rig.instruments.counter import Correlation
from rig.outage import Gap, Times
from rig.sighting import Spans

BLIND_S = 0.5  # beside a new start of the counter


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


class Beats:
    """All that `counter` has stamped since `start` and nobody has forgotten; times in seconds.

    A counter holds so many stamps and no more: `make_room` starts it anew, and the moment in
    which it was blind is remembered.
    """

    def __init__(self, counter: Counter, clock: Clock) -> None:
        self.counter = counter
        self._clock = clock
        self._earlier: Times = np.empty(0)  # of runs that have ended, in the rig's time
        self._run: Times = np.empty(0)  # of this run, in the instrument's
        # when the counter was started anew, and how well its two clocks are known beside that
        self._renewed: list[tuple[float, float]] = []
        self.known_until_s = 0.0  # what the counter saw until then has been read

    def drain(self) -> None:
        """Read what the counter has stamped since the last time."""
        self.known_until_s = self._clock.now()
        self._run = np.concatenate((self._run, self.counter.drain()))

    def make_room(self) -> None:
        """Start the counter anew when less than half of what it can hold is left."""
        if self.counter.readings <= self.counter.READINGS_MAX / 2:
            return
        error_s = self.error_s if self._run.size else 0.0
        self._earlier, self._run = self.since(float("-inf")), np.empty(0)
        self.counter.start()
        self._renewed.append((self._clock.now(), error_s))

    def forget(self, before_s: float) -> None:
        """Drop the stamps of earlier runs from before a time."""
        self._earlier = self._earlier[self._earlier >= before_s]

    def since(self, from_s: float) -> Times:
        """Return the times of all beats from `from_s` on, in the rig's time."""
        run = self._run
        if run.size:
            run = run + self.counter.correlate().offset_s
        times = np.concatenate((self._earlier, run))
        return times[times >= from_s]

    @property
    def error_s(self) -> float:
        """How far the counter's clock may be from where the rig thinks that it is."""
        return self.counter.correlate().error_s

    @property
    def blind(self) -> Spans:
        """From when to when the counter saw nothing, as it was started anew."""
        return tuple((at_s - BLIND_S, at_s + BLIND_S) for at_s, _ in self._renewed)

    def doubt_s(self, seen: Gap | None) -> float:
        """Return how well the clocks of a gap's two ends are known to each other, in seconds.

        Nothing is in doubt within one run of the counter; the clock of a run before a new start
        and of the one after are each tied to the rig's.
        """
        if seen is None:
            return 0.0
        errors = [error for at_s, error in self._renewed if seen.before_s <= at_s <= seen.after_s]
        return sum(errors) + self.error_s if errors else 0.0
