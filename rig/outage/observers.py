# SPDX-License-Identifier: MIT
"""All that looks at a service from outside the board, running at once."""

import logging
from contextlib import ExitStack

import numpy as np

from rig.clock import Clock, Deadline
from rig.errors import BenchError, BoardError, SilentServiceError
from rig.instruments.traffic import Answers, TrafficProbe
from rig.measure import criteria
from rig.outage.estimate import View
from rig.outage.event import check_rate, check_sends
from rig.outage.gaps import Gap, Times, longest_gap
from rig.outage.heartbeat import Beats, Counter
from rig.outage.result import Floors
from rig.outage.supply_watch import FeedWatch

log = logging.getLogger(__name__)

HEARTBEAT_S = 1e-3  # docs/reference/service-protocol.md
POLL_S = 0.25


class Observers:
    """The traffic probe, the counter and the supply of the board, the last two where there are any.

    `floors` are how far they are trusted: assumed, until there was an undisturbed run.
    """

    def __init__(
        self,
        traffic: TrafficProbe,
        counter: Counter | None,
        clock: Clock,
        feed: FeedWatch | None = None,
    ) -> None:
        self.traffic = traffic
        self.beats = Beats(counter, clock, HEARTBEAT_S) if counter else None
        self.feed = feed
        self.clock = clock
        self.began_s = 0.0
        self.floors = Floors(
            traffic_s=criteria.event_s(traffic.period_s),
            counter_s=criteria.event_s(HEARTBEAT_S),
            duration_s=0.0,
            lost=0,
            assumed=True,
        )

    def start(self) -> None:
        """Start all, or none.

        Raises:
            BenchError: one of them does not start.
        """
        with ExitStack() as started:
            self.traffic.start()
            started.callback(self.traffic.stop)
            if self.feed:
                self.feed.start()
                started.callback(self.feed.stop)
            if self.beats:
                self.beats.start()
            started.pop_all()
        self.began_s = self.clock.now()

    def stop(self) -> None:
        if self.feed:
            self.feed.stop()
        try:
            if self.beats:
                self.beats.counter.stop()
        except BenchError as error:  # what was measured is measured; this must not hide it
            log.warning("the counter could not be stopped: %s", error)
        finally:
            self.traffic.stop()

    def identities(self) -> dict[str, str]:
        """Return who measures: the probe, and the counter if there is one."""
        found = {"traffic": self.traffic.identity()}
        return found | ({"counter": self.beats.counter.identity()} if self.beats else {})

    def wait(self, deadline: Deadline) -> None:
        """Let time pass, reading what must be read.

        Raises:
            BenchError: an instrument has ended.
        """
        while not deadline.passed:
            self.clock.sleep(min(POLL_S, deadline.left_s))
            self.traffic.check()
            self.drain()

    def drain(self) -> None:
        if self.beats:
            self.beats.drain()

    def forget(self, before_s: float) -> None:
        """Begin an event: drop what none needs any more, for a night must not fill the memory."""
        if self.beats:
            self.beats.forget(before_s)
        self.traffic.forget(before_s)
        if self.feed:
            self.feed.resume(before_s)

    def undisturbed(self, duration_s: float) -> Floors:
        """Watch for `duration_s` while nothing happens; later outages are doubted by the result.

        Raises:
            BoardError: the service was not up all the time.
            SilentServiceError: it was down for most of it.
            BenchError: the rig's computer could not send; the heartbeat has another rate.
        """
        from_s = self.clock.now()
        self.wait(Deadline.after(self.clock, duration_s))
        answers = self.traffic.since(from_s, self.clock.now() - 0.2)
        self.check_sends(Gap(from_s, self.clock.now()), answers)
        if answers.lost > answers.offered / 2 or answers.good_s.size < 2:
            raise SilentServiceError(
                f"the service is not up: it answered {answers.offered - answers.lost} of"
                f" {answers.offered} datagrams in {duration_s:.1f} s without any disturbance",
                silent_s=duration_s,
            )
        self.floors = Floors(
            traffic_s=longest_gap(answers.good_s).length_s,
            counter_s=self._counter_floor_s(from_s, duration_s),
            duration_s=duration_s,
            lost=answers.lost,
        )
        # What a busy bench delays is its own.
        self.traffic.late_s = criteria.late_s(self.traffic.period_s, self.floors.traffic_s)
        return self.floors

    def _counter_floor_s(self, from_s: float, duration_s: float) -> float | None:
        if not self.beats:
            return None
        beats = self.beats.since(from_s)
        if beats.size < 2:
            raise BoardError(f"no heartbeat in {duration_s:.1f} s though the service answers")
        check_rate(beats, HEARTBEAT_S)
        return longest_gap(beats, self.beats.blind).length_s

    @property
    def by_traffic(self) -> View:
        """How the probe sees the service."""
        return View(
            name="outage.traffic",
            source=self.traffic.identity(),
            period_s=self.traffic.period_s,
            floor_s=self.floors.traffic_s,
            stamps=self.traffic.STAMPS,
        )

    @property
    def by_counter(self) -> View | None:
        """How the counter sees it; None where there is none."""
        if not self.beats or self.floors.counter_s is None:
            return None
        return View(
            name="outage.counter",
            source=self.beats.counter.identity(),
            period_s=HEARTBEAT_S,
            floor_s=self.floors.counter_s,
            stamps=self.beats.counter.STAMPS,
        )

    def check_sends(self, event: Gap, answers: Answers) -> None:
        """Raise BenchError when the rig's own computer could not send for as long as an event."""
        at_most_s = self.by_traffic.threshold_s
        check_sends(event, answers.blocked, answers.errors, at_most_s=at_most_s)

    def beats_since(self, from_s: float) -> Times:
        """Return the heartbeats since then; none without a counter."""
        return self.beats.since(from_s) if self.beats else np.empty(0)
