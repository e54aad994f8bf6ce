# SPDX-License-Identifier: MIT
"""What each instrument says of one event, and what must be known beside it."""

from dataclasses import dataclass
from pathlib import Path

from rig.beats import Beats
from rig.estimate import (
    View,
    agree,
    counter_outage,
    frame_loss_outage,
    hidden_outage,
    traffic_outage,
)
from rig.feed import Drawn
from rig.instruments.traffic import Answers
from rig.measure import Measurement
from rig.observers import Observers
from rig.outage import Gap, Times, longest_gap, missed_s
from rig.outage_record import Outages
from rig.raw import save
from rig.sighting import (
    Episode,
    Span,
    doubted,
    find,
    longest,
    looked_away_s,
    stalled_at_ends,
)


def appraise(observers: Observers, episode: Episode, span: Span, *, recovered: bool) -> Outages:
    """Measure one event, looked for in `span`, and keep its raw times.

    Raises:
        BenchError: the rig's own computer could not send meanwhile.
    """
    now_s = observers.clock.now()
    traffic, feed = observers.traffic, observers.feed
    answers = traffic.since(span.from_s, span.until_s)
    drawn = feed.between(episode.opened_s, span.last_s) if feed else None
    raw = _keep(observers, episode, span, answers, drawn)
    view = observers.by_traffic
    good_s = answers.good_s
    found = find(good_s, view, span, now_s, recovered, answers.stalls)
    seen = found.span if found else None
    event = span.with_gap(seen)
    observers.check_sends(event if recovered else Gap(event.before_s, now_s), answers)
    # Also what is no event, or another one
    lost = traffic.since(event.before_s, event.after_s).lost
    sight = _counter_sight(observers, span, now_s)
    beats_seen = sight.find(recovered=recovered) if sight else None
    blind_s = sight.blind_s(seen, beats_seen) if sight else 0.0
    hidden = seen is None and looked_away_s(answers.stalls, beats_seen) > 0
    by_probe = by_traffic(answers, view, span, seen, now_s, hidden=hidden)
    counter = sight.measure(beats_seen, hidden=blind_s > 0) if sight else None
    return Outages(
        label=episode.label,
        traffic=by_probe,
        counter=counter,
        frame_loss=frame_loss_outage(
            lost,
            doubted(view, good_s, seen),
            taken_at_s=now_s,
            unsent_s=missed_s(event, answers.stalls),
        ),
        agreement=agreement(by_probe, counter, clear=recovered and not blind_s and not hidden),
        loss_frames=lost,
        duplicates=answers.duplicates,
        reordered=answers.reordered,
        late=answers.late,
        corrupted=answers.corrupted,
        gaps=found.gaps if found else (),
        longest=found.longest if found else longest_gap(good_s),
        recovered=recovered,
        floors=observers.floors,
        releases=answers.releases,
        notes=notes(
            answers,
            blind_s=blind_s,
            floor_assumed=observers.floors.assumed,
            recovered=recovered,
            feed=drawn.failure if drawn else "",
        ),
        raw=raw,
        unfed=drawn.unfed() if drawn else None,
        watched_s=now_s - episode.opened_s,
        stalled_s=sum(to_s - at_s for at_s, to_s in answers.stalls),
        silent_s=now_s - float(good_s[-1]) if good_s.size else now_s - span.from_s,
    )


def _keep(
    observers: Observers, episode: Episode, span: Span, answers: Answers, drawn: Drawn | None
) -> Path:
    """Keep the raw times beside the probe's record, for whoever doubts the result."""
    label = "".join(letter if letter.isalnum() else "-" for letter in episode.label)
    path = observers.traffic.path.with_name(f"outage-{label}-{episode.opened_s:.0f}.npz")
    beats = observers.beats_since(span.from_s)
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


@dataclass(frozen=True, slots=True)
class CounterSight:
    """What a counter saw in `span`, looked at `now_s`."""

    beats: Beats
    view: View
    span: Span
    now_s: float

    @property
    def _times_s(self) -> Times:
        times = self.beats.since(self.span.from_s)
        return times[times <= self.span.until_s]

    @property
    def _span(self) -> Span:
        return self.span.wider(self.beats.error_s)

    def find(self, *, recovered: bool) -> Gap | None:
        """Return the outage that it saw."""
        times, blind = self._times_s, self.beats.blind
        found = find(times, self.view, self._span, self.now_s, recovered, blind)
        return found.span if found else None

    def blind_s(self, *seen: Gap | None) -> float:
        """Return for how much of what either instrument saw it may have been blind."""
        error_s = self.beats.error_s  # its stamps may be late by so much, never early
        blind = tuple((from_s - error_s, to_s) for from_s, to_s in self.beats.blind)
        return looked_away_s(blind, *seen)

    def measure(self, seen: Gap | None, *, hidden: bool) -> Measurement:
        """Measure what it saw; `hidden`: it was blind while there was something to be seen."""
        times, blind = self._times_s, self.beats.blind
        longest_s = longest(times, self._span, seen)
        if hidden and seen is None:
            return hidden_outage(self.view, longest_s=longest_s, taken_at_s=self.now_s)
        return counter_outage(
            seen,
            doubted(self.view, times, seen, blind),
            longest_s=longest_s,
            taken_at_s=self.now_s,
            stalled_s=missed_s(seen, blind) if seen else 0.0,
            correlation_s=self.beats.doubt_s(seen),
        )


def _counter_sight(observers: Observers, span: Span, now_s: float) -> CounterSight | None:
    beats, view = observers.beats, observers.by_counter
    return CounterSight(beats, view, span, now_s) if beats and view else None


def by_traffic(
    answers: Answers, view: View, span: Span, seen: Gap | None, now_s: float, *, hidden: bool
) -> Measurement:
    """Measure what the probe saw; `hidden`: it stood still while there was something to be seen."""
    good_s = answers.good_s
    longest_s = longest(good_s, span, seen)
    if hidden and seen is None:
        return hidden_outage(view, longest_s=longest_s, taken_at_s=now_s)
    return traffic_outage(
        seen,
        doubted(view, good_s, seen),
        longest_s=longest_s,
        taken_at_s=now_s,
        stalled_s=stalled_at_ends(seen, answers.stalls, view.period_s),
        correlation_s=answers.stamp_doubt_s,
    )


def agreement(traffic: Measurement, counter: Measurement | None, *, clear: bool) -> str:
    """Say whether both agree; they cannot where one looked away from what the other saw."""
    if counter is None:
        return "traffic only"
    return "agree" if clear and agree(traffic, counter) else "unclear"


def notes(
    answers: Answers, *, blind_s: float, floor_assumed: bool, recovered: bool, feed: str
) -> tuple[str, ...]:
    """Say what whoever reads the values must know."""
    found: list[str] = []
    if answers.stalls:
        stalled_s = sum(to_s - at_s for at_s, to_s in answers.stalls)
        found.append(f"the traffic probe itself stalled for {stalled_s:.3f} s")
    if answers.restamped:
        found.append(
            f"this computer's wall clock was set: {answers.restamped} answers are timed by when"
            f" they were read, which may be {answers.stamp_doubt_s:.3f} s late"
        )
    if blind_s:
        found.append(
            f"the counter was started anew and may have been blind for {blind_s:.3f} s of the"
            " outage: what it says is in doubt"
        )
    if floor_assumed:
        found.append("the floor is assumed: there was no undisturbed run")
    if not recovered:
        found.append("the service did not recover: values are lower bounds")
    if feed:
        found.append(f"the board's current was not read to the end: {feed}")
    return tuple(found)
