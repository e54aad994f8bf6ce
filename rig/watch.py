# SPDX-License-Identifier: MIT
"""Watches the service with both instruments at once and says what each event cost."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from rig.clock import Clock, Deadline
from rig.errors import BenchError, BoardError, UsageError
from rig.instruments.counter import Correlation
from rig.instruments.traffic import Answers, TrafficProbe
from rig.measure import Measurement
from rig.outage import (
    Gap,
    Outage,
    Times,
    View,
    agree,
    counter_outage,
    frame_loss_outage,
    has_recovered,
    longest_gap,
    outages,
    traffic_outage,
)

log = logging.getLogger(__name__)

HEARTBEAT_S = 1e-3  # docs/reference/service-protocol.md
LEAD_S = 1.0  # how much before the mark the service must be known
POLL_S = 0.25


class Counter(Protocol):
    """What the watch needs of a counter of heartbeats."""

    READINGS_MAX: int
    readings: int

    def identity(self) -> str: ...
    def start(self) -> None: ...
    def drain(self) -> Times: ...
    def correlate(self) -> Correlation: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Floors:
    """The longest gaps of an undisturbed run: what the bench itself adds."""

    traffic_s: float
    counter_s: float | None
    duration_s: float
    lost: int
    assumed: bool = False


@dataclass(slots=True)
class Episode:
    """A stretch of time in which an event is expected."""

    label: str
    opened_s: float
    closed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """What one event cost, seen by both instruments."""

    label: str
    traffic: Measurement
    counter: Measurement | None
    frame_loss: Measurement
    agreement: str  # agree, unclear, or traffic only
    loss_frames: int
    duplicates: int
    reordered: int
    late: int
    gaps: tuple[Gap, ...]
    longest: Gap
    recovered: bool
    floors: Floors
    releases: tuple[str, ...]
    notes: tuple[str, ...]
    raw: Path
    watched_s: float = 0.0  # from the event's start to this judgement
    stalled_s: float = 0.0  # of that, how long the traffic probe itself stood still


class ServiceWatch:
    """Both instruments over the service, running from ``__enter__`` to ``__exit__``."""

    def __init__(self, traffic: TrafficProbe, counter: Counter | None, clock: Clock) -> None:
        self._traffic = traffic
        self._counter = counter
        self._clock = clock
        self._stamps: Times = np.empty(0)  # of earlier runs of the counter, in rig time
        self._current: Times = np.empty(0)  # of this run, in instrument time
        self._blind_s: list[float] = []  # when the counter was started anew
        self._began_s = 0.0
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
            if self._counter:
                self._counter.start()
        except BaseException:
            self._traffic.stop()
            raise
        self._began_s = self._clock.now()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._counter:
                self._counter.stop()
        except BenchError as error:  # what was measured is measured; this must not hide it
            log.warning("the counter could not be stopped: %s", error)
        finally:
            self._traffic.stop()

    def undisturbed(self, duration_s: float) -> Floors:
        """Watch for `duration_s` while nothing happens; later outages are doubted by the result.

        Raises:
            BoardError: the service was not up all the time.
        """
        from_s = self._clock.now()
        self._wait(Deadline.after(self._clock, duration_s))
        answers = self._traffic.since(from_s, self._clock.now() - 0.2)
        if answers.lost > answers.offered / 2 or answers.good_s.size < 2:
            raise BoardError(
                f"the service is not up: it answered {answers.offered - answers.lost} of"
                f" {answers.offered} datagrams in {duration_s:.1f} s without any disturbance"
            )
        beats = self._counter_times(from_s)
        if self._counter and beats.size < 2:
            raise BoardError(f"no heartbeat in {duration_s:.1f} s though the service answers")
        self.floors = Floors(
            traffic_s=longest_gap(answers.good_s).length_s,
            counter_s=longest_gap(beats).length_s if self._counter else None,
            duration_s=duration_s,
            lost=answers.lost,
        )
        traffic, _ = self._views()
        self._traffic.late_s = traffic.threshold_s  # what a busy bench delays is not the board's
        return self.floors

    def rest(self, duration_s: float) -> None:
        """Let the service run for a while with both instruments listening, before an event."""
        self._wait(Deadline.after(self._clock, duration_s))

    def open(self, label: str) -> Episode:
        """Mark the start of an event; call it while the service is good."""
        self._drain()
        # Half of what it holds is left for the event.
        if self._counter and self._counter.readings > self._counter.READINGS_MAX / 2:
            self._rearm(self._counter)
        return Episode(label, self._clock.now())

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
        """
        if episode.closed_s is None:
            raise UsageError(f"episode {episode.label!r} is still open")
        while not (recovered := self._has_recovered(episode)) and not deadline.passed:
            self._wait(Deadline.after(self._clock, min(POLL_S, deadline.left_s)))
        return self._measure(episode, recovered)

    def _wait(self, deadline: Deadline) -> None:
        while not deadline.passed:
            self._clock.sleep(min(POLL_S, deadline.left_s))
            self._traffic.check()
            self._drain()

    def _drain(self) -> None:
        if self._counter:
            self._current = np.concatenate((self._current, self._counter.drain()))

    def _rearm(self, counter: Counter) -> None:
        """Start the counter anew; the moment in which it was blind is remembered."""
        self._stamps = np.concatenate((self._stamps, self._in_rig_time(counter)))
        self._current = np.empty(0)
        counter.start()
        self._blind_s.append(self._clock.now())

    def _in_rig_time(self, counter: Counter) -> Times:
        if not self._current.size:
            return self._current
        return self._current + counter.correlate().offset_s

    def _counter_times(self, from_s: float) -> Times:
        if not self._counter:
            return np.empty(0)
        times = np.concatenate((self._stamps, self._in_rig_time(self._counter)))
        return times[times >= from_s]

    def _views(self) -> tuple[View, View | None]:
        traffic = View(
            name="outage.traffic",
            source=self._traffic.identity(),
            period_s=self._traffic.period_s,
            floor_s=self.floors.traffic_s,
        )
        if not self._counter or self.floors.counter_s is None:
            return traffic, None
        counter = View(
            name="outage.counter",
            source=self._counter.identity(),
            period_s=HEARTBEAT_S,
            floor_s=self.floors.counter_s,
        )
        return traffic, counter

    def _has_recovered(self, episode: Episode) -> bool:
        now_s = self._clock.now()
        from_s = episode.opened_s - LEAD_S
        traffic, counter = self._views()
        good_s = _without_noise(self._traffic.since(from_s))
        if not _settled(good_s, traffic, episode, now_s):
            return False
        return counter is None or _settled(self._counter_times(from_s), counter, episode, now_s)

    def _measure(self, episode: Episode, recovered: bool) -> Outages:
        now_s = self._clock.now()
        from_s = episode.opened_s - LEAD_S
        answers = self._traffic.since(from_s)
        notes: list[str] = []
        traffic_view, counter_view = self._views()
        good_s = answers.good_s
        found = _find(good_s, traffic_view, episode, now_s, recovered, answers.stalls)
        span = found.span if found else None
        lost = self._lost(span)
        traffic = traffic_outage(
            span,
            _doubted(traffic_view, good_s, span),
            longest_s=_longest(good_s, episode, span),
            taken_at_s=now_s,
            stalled_s=_stalled_at_ends(span, answers.stalls, traffic_view.period_s),
        )
        counter = None
        if counter_view:
            beats = self._counter_times(from_s)
            blind = tuple((at_s - 0.5, at_s + 0.5) for at_s in self._blind_s)
            beat = _find(beats, counter_view, episode, now_s, recovered, blind)
            beat_span = beat.span if beat else None
            longest_s = _longest(beats, episode, beat_span)
            counter_view = _doubted(counter_view, beats, beat_span)
            counter = counter_outage(beat_span, counter_view, longest_s=longest_s, taken_at_s=now_s)
        if answers.stalls:
            stalled_s = sum(to_s - at_s for at_s, to_s in answers.stalls)
            notes.append(f"the traffic probe itself stalled for {stalled_s:.3f} s")
        if self.floors.assumed:
            notes.append("the floor is assumed: there was no undisturbed run")
        if not recovered:
            notes.append("the service did not recover: values are lower bounds")
        return Outages(
            label=episode.label,
            traffic=traffic,
            counter=counter,
            frame_loss=frame_loss_outage(lost, traffic_view, taken_at_s=now_s),
            agreement=_agreement(traffic, counter, recovered),
            loss_frames=lost,
            duplicates=answers.duplicates,
            reordered=answers.reordered,
            late=answers.late,
            gaps=found.gaps if found else (),
            longest=found.longest if found else longest_gap(good_s),
            recovered=recovered,
            floors=self.floors,
            releases=answers.releases,
            notes=tuple(notes),
            raw=self._save(episode, answers),
            watched_s=now_s - episode.opened_s,
            stalled_s=sum(to_s - at_s for at_s, to_s in answers.stalls),
        )

    def _lost(self, span: Gap | None) -> int:
        return self._traffic.since(span.before_s, span.after_s).lost if span else 0

    def _save(self, episode: Episode, answers: Answers) -> Path:
        """Keep the raw times beside the probe's record, for whoever doubts the result."""
        label = "".join(letter if letter.isalnum() else "-" for letter in episode.label)
        path = self._traffic.path.with_name(f"outage-{label}-{episode.opened_s:.0f}.npz")
        np.savez_compressed(
            path,
            sequence=answers.sequence,
            sent_s=answers.sent_s,
            received_s=answers.received_s,
            good=answers.good,
            heartbeat_s=self._counter_times(episode.opened_s - LEAD_S),
            opened_s=episode.opened_s,
        )
        return path


def _without_noise(answers: Answers) -> Times:
    return answers.good_s


def _settled(times_s: Times, view: View, episode: Episode, now_s: float) -> bool:
    """Tell whether the service has been good for long enough since the episode was closed."""
    closed_s = episode.closed_s if episode.closed_s is not None else now_s
    inside = times_s[times_s >= episode.opened_s - LEAD_S]
    if now_s < closed_s + LEAD_S or not inside.size or float(inside[-1]) <= closed_s:
        return False
    return has_recovered(inside, view.threshold_s, now_s)


def _find(
    times_s: Times,
    view: View,
    episode: Episode,
    now_s: float,
    recovered: bool,
    excused: tuple[tuple[float, float], ...],
) -> Outage | None:
    """Return the worst outage that began in the episode; silence to the end counts as one.

    A gap that lies in a span of `excused` is the instrument's own and no outage.
    """
    closed_s = episode.closed_s if episode.closed_s is not None else now_s
    if not recovered and (not times_s.size or now_s - float(times_s[-1]) > view.threshold_s):
        # Nothing has come back: what has passed until now is a lower bound.
        times_s = np.append(times_s if times_s.size else [episode.opened_s], now_s)
    found = [
        outage
        for outage in outages(times_s, view.threshold_s)
        if episode.opened_s - LEAD_S <= outage.span.before_s <= closed_s
        and not any(
            from_s <= outage.span.before_s and outage.span.after_s <= to_s
            for from_s, to_s in excused
        )
    ]
    return max(found, key=lambda outage: outage.span.length_s) if found else None


def _longest(times_s: Times, episode: Episode, span: Gap | None) -> float:
    """Return the longest gap of the episode in seconds: the resolution of a claim of no loss."""
    if span:
        return span.length_s
    closed_s = episode.closed_s if episode.closed_s is not None else float("inf")
    inside = times_s[(times_s >= episode.opened_s) & (times_s <= closed_s)]
    return longest_gap(inside).length_s


def _doubted(view: View, times_s: Times, span: Gap | None) -> View:
    """Return the view with the floor of its surroundings, when that is worse than the campaign's.

    What the bench was late by in the clean seconds beside the event, it may have been at its ends.
    """
    if span is None:
        return view
    beside = (times_s[times_s <= span.before_s], times_s[times_s >= span.after_s])
    return replace(
        view, floor_s=max(view.floor_s, *(longest_gap(times).length_s for times in beside))
    )


def _stalled_at_ends(
    span: Gap | None, stalls: tuple[tuple[float, float], ...], period_s: float
) -> float:
    """Return how long the probe itself sent nothing at the ends of the gap, in seconds."""
    if span is None:
        return 0.0
    return sum(
        to_s - from_s
        for from_s, to_s in stalls
        if abs(from_s - span.before_s) <= 2 * period_s
        or abs(to_s - span.after_s) <= 2 * period_s
        or from_s <= span.after_s <= to_s
        or from_s <= span.before_s <= to_s
    )


def _agreement(traffic: Measurement, counter: Measurement | None, recovered: bool) -> str:
    if counter is None:
        return "traffic only"
    return "agree" if recovered and agree(traffic, counter) else "unclear"
