# SPDX-License-Identifier: MIT
"""Watches the service over events, one after the other, and says when each can be measured."""

from typing import Self

from rig.clock import Deadline
from rig.errors import BenchError, UsageError
from rig.measure.criteria import CLEAN_S, GOOD_SIGNS
from rig.outage.event import LEAD_S, Episode, Span, dissent, settled
from rig.outage.gaps import Gap, missed_s
from rig.outage.heartbeat import Beats
from rig.outage.measure_event import ANSWER_S, LOST_SHARE, appraise
from rig.outage.observers import POLL_S, Observers
from rig.outage.result import Floors, Losses, Outages

LOOK_POLL_S = 0.02
KEEP_S = 10.0  # before the oldest event that is not measured yet
SIGHT_LIMIT_S = 10.0  # for a counter that was started anew to see beats


class ServiceWatch:
    """Events of one service, with observers that run from ``__enter__`` to ``__exit__``."""

    def __init__(self, observers: Observers) -> None:
        self._observers = observers
        self._clock = observers.clock
        self._unmeasured: list[Episode] = []

    def __enter__(self) -> Self:
        self._observers.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._observers.stop()

    def identities(self) -> dict[str, str]:
        """Return who measures: the probe, and the counter if there is one."""
        return self._observers.identities()

    def undisturbed(self, duration_s: float) -> Floors:
        """Watch for `duration_s` while nothing happens; later outages are doubted by the result.

        Raises:
            BoardError: the service was not up all the time.
            BenchError: the rig's computer could not send; the heartbeat has another rate.
        """
        return self._observers.undisturbed(duration_s)

    @property
    def sighted_s(self) -> float:
        """The time from which on no silence is excused as the counter's own new start."""
        blind = self._observers.beats.blind if self._observers.beats else ()
        return blind[-1][1] if blind else self._observers.began_s

    def wait(self, duration_s: float) -> None:
        """Let time pass, reading both instruments.

        Raises:
            BenchError: one of them has ended.
        """
        if self._observers.beats and not self._unmeasured:  # nobody may have read it for long
            self._observers.beats.make_room()
        self._observers.wait(Deadline.after(self._clock, duration_s))

    def open(self, label: str) -> Episode:
        """Mark the start of an event; call it while the service is good.

        A counter whose memory is half full is started anew before, which takes a second or two.

        Raises:
            BenchError: it sees no heartbeat afterwards.
        """
        if self._observers.beats:
            self._observers.beats.make_room()
            self._regain_sight(self._observers.beats)
        episode = Episode(label, self._clock.now())
        # One that was never closed was given up: its step failed.
        self._unmeasured = [other for other in self._unmeasured if other.closed_s is not None]
        self._unmeasured.append(episode)
        self._observers.forget(self._unmeasured[0].opened_s - KEEP_S)
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
            self._observers.wait(Deadline.after(self._clock, LOOK_POLL_S))

    def tend(self) -> None:
        """Read the counter before its memory is full; call while an event is open."""
        if self._observers.beats:
            self._observers.beats.tend()

    def lost(self, from_s: float, until_s: float) -> int:
        """Return how many datagrams sent in a span of time were not answered."""
        return self.losses(from_s, until_s).frames

    def losses(self, from_s: float, until_s: float) -> Losses:
        """Return the same, with what the probe itself missed."""
        answers = self._observers.traffic.since(from_s, until_s)
        stalled_s = missed_s(Gap(from_s, until_s), answers.stalls)
        return Losses(frames=answers.lost, span_s=until_s - from_s, stalled_s=stalled_s)

    def close(self, episode: Episode) -> None:
        """Mark the end of the event; the service may take longer to recover."""
        if episode.closed_s is not None:
            raise UsageError(f"episode {episode.label!r} is closed already")
        self._observers.drain()
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
            self._observers.wait(Deadline.after(self._clock, min(POLL_S, deadline.left_s)))
        closed_s = episode.closed_s
        lead_s = episode.opened_s - LEAD_S
        return self._appraise(episode, Span(lead_s, closed_s, lead_s), recovered=recovered)

    def dissent(self, episode: Episode) -> str:
        """Say how the instruments differ over a service that did not settle; empty: they agree."""
        if self._observers.beats is None:
            return ""
        now_s = self._clock.now()
        last = self._observers.traffic.since(now_s - CLEAN_S, now_s - ANSWER_S)
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
        return self._appraise(episode, span, recovered=back)

    def ready(self, episode: Episode, *, deadline: Deadline) -> bool:
        """Wait until there are signs of life since `open`: a silence has two ends."""
        return self._wait_for_signs(episode.opened_s, deadline)

    def _wait_for_signs(self, from_s: float, deadline: Deadline) -> bool:
        """Wait for five signs of life since `from_s` to each instrument; tell whether they came."""
        # The counter's clock may be wrong by so much: what it has seen until then is behind us.
        beats = self._observers.beats
        beats_from_s = from_s + (beats.error_s if beats else 0.0)
        while not (
            self._observers.traffic.since(from_s).good_s.size >= GOOD_SIGNS
            and (not beats or beats.since(beats_from_s).size >= GOOD_SIGNS)
        ):
            if deadline.passed:
                return False
            self._observers.wait(Deadline.after(self._clock, LOOK_POLL_S))
        return True

    def _has_recovered(self, episode: Episode) -> bool:
        observers = self._observers
        now_s, from_s = observers.clock.now(), episode.opened_s - LEAD_S
        answers = observers.traffic.since(from_s)
        stalls = answers.stalls
        by_traffic = settled(answers.good_s, observers.by_traffic, episode, now_s, stalls)
        beats, view = observers.beats, observers.by_counter
        by_counter = not (beats and view) or settled(
            beats.since(from_s), view, episode, beats.known_until_s, beats.blind, stalls
        )
        episode.by_traffic |= by_traffic
        episode.by_counter |= by_counter
        return by_traffic and by_counter

    def _appraise(self, episode: Episode, span: Span, *, recovered: bool) -> Outages:
        self._unmeasured = [other for other in self._unmeasured if other is not episode]
        return appraise(self._observers, episode, span, recovered=recovered)
