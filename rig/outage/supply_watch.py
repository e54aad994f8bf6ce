# SPDX-License-Identifier: MIT
"""Whether the board was fed while an event lasted: what it drew from its supply.

A third witness.  It is too slow to time an outage, but it tells a board that restarts from one
whose power was gone.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from rig.clock import Clock
from rig.measure.measurement import Measurement
from rig.measure.uncertainty import Contribution, expanded
from rig.outage.current import CURRENT_MIN_A, Meter, Reading, currents

log = logging.getLogger(__name__)

PERIOD_S = 0.1
STOP_LIMIT_S = 30.0  # a reading that hangs ends by its link's own deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a supply read during an event; `failure` says why there is nothing later."""

    readings: tuple[Reading, ...]
    source: str
    failure: str = ""

    def unfed(self) -> Measurement | None:
        """Return for how long no current flowed, all times together; None: it always did.

        Each time lies between the readings around its ends.  What lies between two readings that
        are fed is not seen.  A board that is still without at the end is so until the last reading.
        """
        times = list(_unfed_times(self.readings))
        if not times:
            return None
        budget = tuple(
            Contribution(f"{end} {number}", edge.width_s / 2, why="between two readings")
            for number, pair in enumerate(times, start=1)
            for end, edge in zip(("fall", "rise"), pair, strict=True)
        )
        return Measurement(
            name="feed.gone",
            value=sum(rise.at_s - fall.at_s for fall, rise in times),
            unit="s",
            uncertainty=expanded(budget),
            source=self.source,
            taken_at_s=self.readings[-1].answered_s,
            method=f"current below {CURRENT_MIN_A} A, {len(times)} time(s), k = 2",
            budget=budget,
        )


@dataclass(frozen=True, slots=True)
class _Edge:
    """Something changed between two moments."""

    from_s: float
    to_s: float

    @property
    def at_s(self) -> float:
        return (self.from_s + self.to_s) / 2

    @property
    def width_s(self) -> float:
        return self.to_s - self.from_s


def _unfed_times(readings: Sequence[Reading]) -> list[tuple[_Edge, _Edge]]:
    """Return fall and rise of each time without current."""
    found: list[tuple[_Edge, _Edge]] = []
    fall: _Edge | None = None
    last: Reading | None = None
    for reading in readings:
        if fall is None and not reading.fed:
            fall = _Edge(last.asked_s if last else reading.asked_s, reading.answered_s)
        elif fall and last and reading.fed:
            found.append((fall, _Edge(last.asked_s, reading.answered_s)))
            fall = None
        last = reading
    if fall and last:
        found.append((fall, _Edge(last.answered_s, last.answered_s)))
    return found


class FeedWatch:
    """Reads the supply again and again, in a thread, from `start` to `stop`.

    A supply that fails is left alone until `resume`: the rig needs it for more than this.
    """

    def __init__(self, supply: Meter, clock: Clock, period_s: float = PERIOD_S) -> None:
        self._supply = supply
        self._currents = currents(supply, clock)
        self._period_s = period_s
        self._source = ""
        self._readings: list[Reading] = []
        self._failure = ""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to read.

        Raises:
            BenchError: the supply does not say who it is.
        """
        self._source = self._supply.identity()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(STOP_LIMIT_S)
        if self._thread.is_alive():
            log.warning("%s did not answer for %.0f s: it is left", self._source, STOP_LIMIT_S)
        else:
            self._currents.close()

    def resume(self, before_s: float) -> None:
        """Begin an event: forget readings from before `before_s`, and an old failure."""
        with self._lock:
            self._readings = [one for one in self._readings if one.asked_s >= before_s]
            self._failure = ""

    def between(self, from_s: float, until_s: float) -> Drawn:
        """Return what was read in a span of time, and the last reading before it if that was fed.

        An event begins with a board that runs: an unfed reading before it is an old one.
        """
        with self._lock:
            known, failure = list(self._readings), self._failure
        before = [one for one in known if one.asked_s < from_s and one.fed][-1:]
        within = [one for one in known if one.asked_s >= from_s and one.answered_s <= until_s]
        return Drawn(readings=(*before, *within), source=self._source, failure=failure)

    def _run(self) -> None:
        while not self._ended.wait(self._period_s):
            if not self._failure:
                self._read()

    def _read(self) -> None:
        try:
            found = self._currents.read()
        except Exception as error:  # noqa: BLE001 # or it would look as if all was well
            log.info("the feed is not watched on: %s", error)
            with self._lock:
                self._failure = str(error) or type(error).__name__
            return
        with self._lock:
            self._readings.extend(found)
