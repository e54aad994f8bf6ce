# SPDX-License-Identifier: MIT
"""What each instrument says of one event, and what must be known beside it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rig.instruments.traffic import Answers
from rig.measure.criteria import CLEAN_S
from rig.measure.measurement import Measurement
from rig.outage.estimate import View, agree, counter_outage, frame_loss_outage, traffic_outage
from rig.outage.event import Episode, Span, stalled_at_ends
from rig.outage.gaps import Gap, Spans, Times, longest_gap, missed_s
from rig.outage.heartbeat import Beats
from rig.outage.observers import Observers
from rig.outage.raw_times import save
from rig.outage.result import Agreement, Outages, Settling
from rig.outage.supply_watch import Drawn
from rig.outage.witness import Estimate, Witness

ANSWER_S = 1.0  # a datagram that was sent so long ago is answered or lost
LOST_SHARE = 0.01  # of datagrams: a path that loses no more passes them
ENDS_S = 5e-3  # after the first pulse: what was answered then had waited with it
USUAL = 0.95  # of answers before a silence took no longer
IN_TIME_SHARE = 0.9  # of datagrams: a service that answers fewer in time is not back


def appraise(observers: Observers, episode: Episode, span: Span, *, recovered: bool) -> Outages:
    """Measure one event, looked for in `span`, and keep its raw times.

    Raises:
        BenchError: the rig's own computer could not send meanwhile.
    """
    now_s = observers.clock.now()
    traffic, feed = observers.traffic, observers.feed
    answers = traffic.since(span.from_s, span.until_s)
    drawn = feed.between(episode.opened_s, span.last_s) if feed else None
    by_traffic = traffic_witness(answers, observers, span, now_s, recovered=recovered)
    by_counter = counter_witness(answers, observers, span, now_s, recovered=recovered)
    raw = _keep(observers, episode, by_traffic, answers, by_counter, drawn)
    found = by_traffic.event
    event = span.with_gap(found.span if found else None)
    observers.check_sends(event if recovered else Gap(event.before_s, now_s), answers)
    # Also what is no event, or another one
    lost = traffic.since(event.before_s, event.after_s).lost
    seen = [by_traffic.gap, by_counter.gap if by_counter else None]
    blind_s = by_counter.missed_s(*seen) if by_counter else 0.0
    hidden = seen[0] is None and by_traffic.missed_s(seen[1]) > 0
    outage = by_traffic.outage(hidden=hidden)
    counter = by_counter.outage(hidden=blind_s > 0) if by_counter else None
    settling = by_traffic.settling(outage)
    counter_settling = by_counter.settling(counter) if by_counter and counter else None
    good_s = by_traffic.times_s
    return Outages(
        label=episode.label,
        traffic=outage,
        counter=counter,
        frame_loss=frame_loss_outage(
            lost, by_traffic.doubted(), taken_at_s=now_s, unsent_s=missed_s(event, answers.stalls)
        ),
        settling=settling,
        counter_settling=counter_settling,
        agreement=agreement(outage, counter, seen, clear=recovered and not blind_s and not hidden),
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
        )
        + comings_and_goings(settling, counter_settling),
        raw=raw,
        unfed=drawn.unfed() if drawn else None,
        watched_s=now_s - episode.opened_s,
        stalled_s=sum(to_s - at_s for at_s, to_s in answers.stalls),
        silent_s=now_s - float(good_s[-1]) if good_s.size else now_s - span.from_s,
        serving=_serves(traffic.since(now_s - CLEAN_S, now_s - ANSWER_S)),
    )


def _serves(last: Answers) -> bool:
    """Tell whether a service that has not settled is there all the same: it answers, in time."""
    answered = last.lost <= LOST_SHARE * last.offered
    return answered and int(np.count_nonzero(last.good)) >= IN_TIME_SHARE * last.offered > 0


def traffic_witness(
    answers: Answers, observers: Observers, span: Span, now_s: float, *, recovered: bool
) -> Witness:
    """Return the probe as a witness: a silence in which it stood still itself is no event."""
    view = observers.by_traffic
    return Witness(
        view=view,
        estimate=traffic_outage,
        times_s=answers.good_s,
        span=span,
        now_s=now_s,
        recovered=recovered,
        own=answers.stalls,
        busy=True,
        stalled_s=probe_stall(answers.stalls),
        correlation_s=lambda _: answers.stamp_doubt_s,
    )


def counter_witness(
    answers: Answers, observers: Observers, span: Span, now_s: float, *, recovered: bool
) -> Witness | None:
    """Return the counter as a witness, if there is one: it looks away while it is started anew."""
    beats, view = observers.beats, observers.by_counter
    if not beats or not view:
        return None
    return Witness(
        view=view,
        estimate=behind_backlog(answers.sent_s, answers.received_s),
        times_s=_until(beats, span),
        span=span,
        now_s=now_s,
        recovered=recovered,
        own=beats.blind,
        stalls=answers.stalls,
        error_s=beats.error_s,
        stalled_s=lambda gap, _: missed_s(gap, beats.blind),
        correlation_s=beats.doubt_s,
    )


def behind_backlog(sent_s: Times, received_s: Times) -> Estimate:
    """Return the counter's estimate for a service whose answers came at these times.

    The heartbeat's own probe goes the way of every request, and so waits at the end of what had
    queued up in the service.
    """

    def estimate(gap: Gap | None, view: View, **known: float) -> Measurement:
        late_s = backlog_s(sent_s, received_s, gap) if gap else 0.0
        return counter_outage(gap, view, backlog_s=late_s, **known)

    return estimate


def backlog_s(sent_s: Times, received_s: Times, gap: Gap) -> float:
    """Return for how long the first pulse after a silence may have waited, in seconds.

    No longer than the requests that were answered then had waited (how much longer they took than
    before the silence), and not since before the first of these answers.
    """
    trip_s = received_s - sent_s
    before = trip_s[received_s <= gap.before_s]
    ends = (received_s > (gap.before_s + gap.after_s) / 2) & (received_s <= gap.after_s + ENDS_S)
    if not before.size or not np.any(ends):
        return 0.0
    waited_s = float(np.max(trip_s[ends]) - np.quantile(before, USUAL))
    return max(0.0, min(waited_s, gap.after_s - float(np.min(received_s[ends]))))


def probe_stall(stalls: Spans) -> Callable[[Gap, View], float]:
    """Return how a probe's stall at the ends of a gap is known: an answer takes a floor at most."""
    return lambda gap, view: stalled_at_ends(gap, stalls, max(2 * view.period_s, view.floor_s))


def _until(beats: Beats, span: Span) -> Times:
    times_s = beats.since(span.from_s)
    return times_s[times_s <= span.until_s]


def _keep(
    observers: Observers,
    episode: Episode,
    by_traffic: Witness,
    answers: Answers,
    by_counter: Witness | None,
    drawn: Drawn | None,
) -> Path:
    """Keep the raw times beside the probe's record, for whoever doubts the result."""
    label = "".join(letter if letter.isalnum() else "-" for letter in episode.label)
    path = observers.traffic.path.with_name(f"outage-{label}-{episode.opened_s:.0f}.npz")
    save(
        path,
        sequence=answers.sequence,
        sent_s=answers.sent_s,
        received_s=answers.received_s,
        good=answers.good,
        heartbeat_s=by_counter.times_s if by_counter else [],
        current_s=[one.at_s for one in drawn.readings] if drawn else [],
        current_a=[one.current_a for one in drawn.readings] if drawn else [],
        opened_s=episode.opened_s,
        looked_for_s=(by_traffic.span.first_s, by_traffic.span.last_s),
        looked_at_s=by_traffic.now_s,
        stalls_s=np.reshape(answers.stalls, (-1, 2)),
        blind_s=np.reshape(by_counter.own if by_counter else (), (-1, 2)),
    )
    return path


def agreement(
    traffic: Measurement,
    counter: Measurement | None,
    seen: Sequence[Gap | None],
    *,
    clear: bool,
) -> Agreement:
    """Say whether both agree; they cannot where one looked away from what the other saw.

    `seen` are the silences behind the two: two equal lengths at different times are no agreement.
    """
    if counter is None:
        return Agreement.traffic_only
    one, other = seen
    same = one is None or other is None or one.meets(other)
    alike = clear and same and agree(traffic, counter)
    return Agreement.agree if alike else Agreement.unclear


def comings_and_goings(traffic: Settling, counter: Settling | None) -> tuple[str, ...]:
    """Say that a service came and went before it settled, or that one instrument alone says so."""
    told = {
        name: f"{one.silences} more of {one.silences_s:.3f} s together by {name}"
        for name, one in (("traffic", traffic), ("counter", counter))
        if one and one.silences
    }
    if not told:
        return ()
    if counter and len(told) == 1:
        (name,) = told
        return (f"beside the outage there were silences that the {name} alone saw: {told[name]}",)
    after = f"it settled after {traffic.time.value:.3f} s"
    return (f"the service came and went: beside the outage {', '.join(told.values())}; {after}",)


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
