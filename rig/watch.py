# SPDX-License-Identifier: MIT
"""Watches the service with both instruments at once, and its feed, and says what events cost."""

import logging
from pathlib import Path
from typing import Self

import numpy as np

from rig.appraisal import CounterSight, agreement, by_traffic, notes
from rig.beats import Beats, Counter
from rig.clock import Clock, Deadline
from rig.errors import BenchError, BoardError, UsageError
from rig.feed import Drawn, FeedWatch
from rig.instruments.traffic import Answers, TrafficProbe
from rig.outage import (
    RECOVERED_CLEAN_S,
    RECOVERED_GOOD,
    Gap,
    View,
    frame_loss_outage,
    longest_gap,
    missed_s,
)
from rig.outage_record import Floors, Outages
from rig.raw import save
from rig.sighting import (
    LEAD_S,
    Episode,
    Span,
    check_rate,
    check_sends,
    dissent,
    doubted,
    find,
    looked_away_s,
    settled,
)

log = logging.getLogger(__name__)

HEARTBEAT_S = 1e-3  # docs/reference/service-protocol.md
POLL_S = 0.25
LOOK_POLL_S = 0.02
ANSWER_S = 1.0  # a datagram that was sent so long ago is answered or lost
LOST_SHARE = 0.01  # of datagrams: a path that loses no more passes them
KEEP_S = 10.0  # before the oldest event that is not measured yet
SIGHT_LIMIT_S = 10.0  # for a counter that was started anew to see beats


class ServiceWatch:
    """Both instruments over the service, running from ``__enter__`` to ``__exit__``.

    `feed` sees whether the board had current meanwhile, where a place can tell.
    """

    def __init__(
        self,
        traffic: TrafficProbe,
        counter: Counter | None,
        clock: Clock,
        feed: FeedWatch | None = None,
    ) -> None:
        self._traffic = traffic
        self._beats = Beats(counter, clock, HEARTBEAT_S) if counter else None
        self._feed = feed
        self._clock = clock
        self._began_s = 0.0
        self._unmeasured: list[Episode] = []
        self.floors = Floors(
            traffic_s=20 * traffic.period_s,
            counter_s=20 * HEARTBEAT_S,
            duration_s=0.0,
            lost=0,
            assumed=True,
        )

    def __enter__(self) -> Self:
        self._traffic.start()
        try:
            if self._beats:
                self._beats.start()
            if self._feed:
                self._feed.start()
        except BaseException:
            self._traffic.stop()
            raise
        self._began_s = self._clock.now()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._beats:
                self._beats.counter.stop()
        except BenchError as error:  # what was measured is measured; this must not hide it
            log.warning("the counter could not be stopped: %s", error)
        finally:
            self._traffic.stop()
            if self._feed:
                self._feed.stop()

    def identities(self) -> dict[str, str]:
        """Return who measures: the probe, and the counter if there is one."""
        found = {"traffic": self._traffic.identity()}
        return found | ({"counter": self._beats.counter.identity()} if self._beats else {})

    def undisturbed(self, duration_s: float) -> Floors:
        """Watch for `duration_s` while nothing happens; later outages are doubted by the result.

        Raises:
            BoardError: the service was not up all the time.
            BenchError: the rig's computer could not send; the heartbeat has another rate.
        """
        from_s = self._clock.now()
        self._wait(Deadline.after(self._clock, duration_s))
        answers = self._traffic.since(from_s, self._clock.now() - 0.2)
        self._check_sends(Gap(from_s, self._clock.now()), answers)
        if answers.lost > answers.offered / 2 or answers.good_s.size < 2:
            raise BoardError(
                f"the service is not up: it answered {answers.offered - answers.lost} of"
                f" {answers.offered} datagrams in {duration_s:.1f} s without any disturbance"
            )
        beats = self._beats.since(from_s) if self._beats else np.empty(0)
        if self._beats and beats.size < 2:
            raise BoardError(f"no heartbeat in {duration_s:.1f} s though the service answers")
        if self._beats:
            check_rate(beats, HEARTBEAT_S)
        self.floors = Floors(
            traffic_s=longest_gap(answers.good_s).length_s,
            counter_s=longest_gap(beats, self._beats.blind).length_s if self._beats else None,
            duration_s=duration_s,
            lost=answers.lost,
        )
        traffic, _ = self._views()
        self._traffic.late_s = traffic.threshold_s  # what a busy bench delays is not the board's
        return self.floors

    @property
    def sighted_s(self) -> float:
        """The time from which on no silence is excused as the counter's own new start."""
        blind = self._beats.blind if self._beats else ()
        return blind[-1][1] if blind else self._began_s

    def wait(self, duration_s: float) -> None:
        """Let time pass, reading both instruments.

        Raises:
            BenchError: one of them has ended.
        """
        if self._beats and not self._unmeasured:  # nobody may have read it for long
            self._beats.make_room()
        self._wait(Deadline.after(self._clock, duration_s))

    def open(self, label: str) -> Episode:
        """Mark the start of an event; call it while the service is good.

        A counter whose memory is half full is started anew before, which takes a second or two.

        Raises:
            BenchError: it sees no heartbeat afterwards.
        """
        if self._beats:
            self._beats.make_room()
            self._regain_sight(self._beats)
        episode = Episode(label, self._clock.now())
        # One that was never closed was given up: its step failed.
        self._unmeasured = [other for other in self._unmeasured if other.closed_s is not None]
        self._unmeasured.append(episode)
        self._forget(self._unmeasured[0].opened_s - KEEP_S)
        return episode

    def _regain_sight(self, beats: Beats) -> None:
        """Wait until no event from now on is looked for where the counter was blind."""
        deadline = Deadline.after(self._clock, SIGHT_LIMIT_S)
        while beats.blind and not (
            beats.sees and self._clock.now() - LEAD_S - beats.error_s > beats.blind[-1][1]
        ):
            if deadline.passed:
                raise BenchError(
                    f"{beats.counter.identity()} was started anew and saw no steady heartbeat in"
                    f" {SIGHT_LIMIT_S:.0f} s: look at the cable from the board to its input,"
                    " and whether the board drives it"
                )
            self._wait(Deadline.after(self._clock, LOOK_POLL_S))

    def tend(self) -> None:
        """Have the counter not run full; call it now and then between `open` and `close`."""
        if self._beats:
            self._beats.tend()

    def _forget(self, before_s: float) -> None:
        """Drop what no event needs any more: a night must not fill the memory."""
        if self._beats:
            self._beats.forget(before_s)
        self._traffic.forget(before_s)
        if self._feed:
            self._feed.resume(before_s)

    def lost(self, from_s: float, until_s: float) -> int:
        """Return how many datagrams sent in a span of time were not answered."""
        return self._traffic.since(from_s, until_s).lost

    def close(self, episode: Episode) -> None:
        """Mark the end of the event; the service may take longer to recover."""
        if episode.closed_s is not None:
            raise UsageError(f"episode {episode.label!r} is closed already")
        self._drain()
        episode.closed_s = self._clock.now()

    def settle(self, episode: Episode, *, deadline: Deadline) -> Outages:
        """Wait until the service has recovered (RFC 6412 section 3.5.7), then measure.

        May be called while the next event is being prepared; outages that start after `close`
        are not counted.  When `deadline` passes first, `recovered` is false and the values are
        what had passed until then.

        Raises:
            BenchError: an instrument has ended, or the rig's computer could not send meanwhile.
        """
        if episode.closed_s is None:
            raise UsageError(f"episode {episode.label!r} is still open")
        while not (recovered := self._has_recovered(episode)) and not deadline.passed:
            self._wait(Deadline.after(self._clock, min(POLL_S, deadline.left_s)))
        closed_s = episode.closed_s
        lead_s = episode.opened_s - LEAD_S
        return self._measure(episode, Span(lead_s, closed_s, lead_s), recovered)

    def dissent(self, episode: Episode) -> str:
        """Say how the instruments differ over a service that did not settle; empty: they agree."""
        if self._beats is None:
            return ""
        now_s = self._clock.now()
        last = self._traffic.since(now_s - RECOVERED_CLEAN_S, now_s - ANSWER_S)
        return dissent(
            by_traffic=episode.by_traffic,
            by_counter=episode.by_counter,
            answered=last.offered > 0 and last.lost <= LOST_SHARE * last.offered,
        )

    def look(self, episode: Episode, *, deadline: Deadline) -> Outages:
        """Measure as soon as the service answers again: five good signs of life to each instrument.

        For whoever knows that nothing else happened from `open` to now, and cannot be fooled by a
        service that comes and goes: a reference that was switched off and on.
        """
        if episode.closed_s is None:
            raise UsageError(f"episode {episode.label!r} is still open")
        back = self._wait_for_signs(episode.closed_s, deadline)
        span = Span(episode.opened_s, episode.closed_s, episode.opened_s, self._clock.now())
        return self._measure(episode, span, back)

    def ready(self, episode: Episode, *, deadline: Deadline) -> bool:
        """Wait until there are signs of life since `open`: a silence has two ends."""
        return self._wait_for_signs(episode.opened_s, deadline)

    def _wait_for_signs(self, from_s: float, deadline: Deadline) -> bool:
        """Wait for five signs of life since `from_s` to each instrument; tell whether they came."""
        # The counter's clock may be wrong by so much: what it has seen until then is behind us.
        beats = self._beats
        beats_from_s = from_s + (beats.error_s if beats else 0.0)
        while not (
            self._traffic.since(from_s).good_s.size >= RECOVERED_GOOD
            and (not beats or beats.since(beats_from_s).size >= RECOVERED_GOOD)
        ):
            if deadline.passed:
                return False
            self._wait(Deadline.after(self._clock, LOOK_POLL_S))
        return True

    def _wait(self, deadline: Deadline) -> None:
        while not deadline.passed:
            self._clock.sleep(min(POLL_S, deadline.left_s))
            self._traffic.check()
            self._drain()

    def _drain(self) -> None:
        if self._beats:
            self._beats.drain()

    def _views(self) -> tuple[View, View | None]:
        traffic = View(
            name="outage.traffic",
            source=self._traffic.identity(),
            period_s=self._traffic.period_s,
            floor_s=self.floors.traffic_s,
            stamps=self._traffic.STAMPS,
        )
        if not self._beats or self.floors.counter_s is None:
            return traffic, None
        counter = View(
            name="outage.counter",
            source=self._beats.counter.identity(),
            period_s=HEARTBEAT_S,
            floor_s=self.floors.counter_s,
            stamps=self._beats.counter.STAMPS,
        )
        return traffic, counter

    def _has_recovered(self, episode: Episode) -> bool:
        now_s = self._clock.now()
        from_s = episode.opened_s - LEAD_S
        traffic, counter = self._views()
        by_traffic = settled(self._traffic.since(from_s).good_s, traffic, episode, now_s)
        by_counter = not (self._beats and counter) or settled(
            self._beats.since(from_s),
            counter,
            episode,
            self._beats.known_until_s,
            self._beats.blind,
        )
        episode.by_traffic |= by_traffic
        episode.by_counter |= by_counter
        return by_traffic and by_counter

    def _measure(self, episode: Episode, span: Span, recovered: bool) -> Outages:
        self._unmeasured = [other for other in self._unmeasured if other is not episode]
        now_s = self._clock.now()
        answers = self._traffic.since(span.from_s, span.until_s)
        drawn = self._feed.between(episode.opened_s, span.last_s) if self._feed else None
        raw = self._save(episode, span, answers, drawn)
        view, _ = self._views()
        good_s = answers.good_s
        found = find(good_s, view, span, now_s, recovered, answers.stalls)
        seen = found.span if found else None
        event = span.with_gap(seen)
        self._check_sends(event if recovered else Gap(event.before_s, now_s), answers)
        lost = self.lost(event.before_s, event.after_s)  # also what is no event, or another one
        sight = self._counter_sight(span, now_s)
        beats_seen = sight.find(recovered=recovered) if sight else None
        blind_s = sight.blind_s(seen, beats_seen) if sight else 0.0
        hidden = seen is None and looked_away_s(answers.stalls, beats_seen) > 0
        traffic = by_traffic(answers, view, span, seen, now_s, hidden=hidden)
        counter = sight.measure(beats_seen, hidden=blind_s > 0) if sight else None
        return Outages(
            label=episode.label,
            traffic=traffic,
            counter=counter,
            frame_loss=frame_loss_outage(
                lost,
                doubted(view, good_s, seen),
                taken_at_s=now_s,
                unsent_s=missed_s(event, answers.stalls),
            ),
            agreement=agreement(traffic, counter, clear=recovered and not blind_s and not hidden),
            loss_frames=lost,
            duplicates=answers.duplicates,
            reordered=answers.reordered,
            late=answers.late,
            corrupted=answers.corrupted,
            gaps=found.gaps if found else (),
            longest=found.longest if found else longest_gap(good_s),
            recovered=recovered,
            floors=self.floors,
            releases=answers.releases,
            notes=notes(
                answers,
                blind_s=blind_s,
                floor_assumed=self.floors.assumed,
                recovered=recovered,
                feed=drawn.failure if drawn else "",
            ),
            raw=raw,
            unfed=drawn.unfed() if drawn else None,
            watched_s=now_s - episode.opened_s,
            stalled_s=sum(to_s - at_s for at_s, to_s in answers.stalls),
            silent_s=now_s - float(good_s[-1]) if good_s.size else now_s - span.from_s,
        )

    def _check_sends(self, event: Gap, answers: Answers) -> None:
        view, _ = self._views()
        check_sends(event, answers.blocked, answers.errors, at_most_s=view.threshold_s)

    def _counter_sight(self, span: Span, now_s: float) -> CounterSight | None:
        _, view = self._views()
        return CounterSight(self._beats, view, span, now_s) if self._beats and view else None

    def _save(self, episode: Episode, span: Span, answers: Answers, drawn: Drawn | None) -> Path:
        """Keep the raw times beside the probe's record, for whoever doubts the result."""
        label = "".join(letter if letter.isalnum() else "-" for letter in episode.label)
        path = self._traffic.path.with_name(f"outage-{label}-{episode.opened_s:.0f}.npz")
        beats = self._beats.since(span.from_s) if self._beats else np.empty(0)
        save(
            path,
            sequence=answers.sequence,
            sent_s=answers.sent_s,
            received_s=answers.received_s,
            good=answers.good,
            heartbeat_s=beats[beats <= span.until_s],
            current_s=[one.at_s for one in drawn.readings] if drawn else [],
            current_a=[one.current_a for one in drawn.readings] if drawn else [],
            opened_s=episode.opened_s,
        )
        return path
