# SPDX-License-Identifier: MIT
"""Both instruments over a service that is made up: what they say of outages of known length."""

import errno
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from rig.campaign.step import PendingStep, StepResult
from rig.clock import Deadline
from rig.errors import BenchError, InstrumentError
from rig.faults.outcome import Outcome
from rig.instruments import traffic_process
from rig.instruments.edges import PERIOD_MAX_S, Correlation
from rig.instruments.traffic import RECORD, STAMPS, Answers, Identity, digest
from rig.outage.current import Reading
from rig.outage.estimate import PLAIN
from rig.outage.gaps import Spans, Times
from rig.outage.observers import HEARTBEAT_S, Observers
from rig.outage.result import Outages
from rig.outage.supply_watch import Drawn
from rig.outage.watch import ServiceWatch
from tests.unit.helpers.dialogue import StillClock
from tests.unit.helpers.scripted import ScriptedPower

PERIOD_S = 1e-3
TRIP_S = 0.3e-3
BEGAN_S = 100.0  # a StillClock's first moment


@dataclass
class Service:
    """Is up but for `out`, and beats every `period_s`."""

    out: list[tuple[float, float]] = field(default_factory=list)
    period_s: float = HEARTBEAT_S

    def up(self, times_s: Times) -> Times:
        for from_s, to_s in self.out:
            times_s = times_s[(times_s < from_s) | (times_s >= to_s)]
        return times_s


class Traffic:
    """A probe of it that stands still in `stalled`; the computer refuses to send in `blocked`."""

    STAMPS = STAMPS
    period_s = PERIOD_S
    late_s = 20 * PERIOD_S

    def __init__(self, service: Service, clock: StillClock, path: Path) -> None:
        self._service = service
        self._clock = clock
        self.path = path
        self.blocked: Spans = ()
        self.stalled: Spans = ()
        self.doubt_us = 0
        self.forgotten_s = 0.0

    def identity(self) -> str:
        return "a probe"

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def check(self) -> None: ...

    def forget(self, before_s: float) -> None:
        self.forgotten_s = before_s

    def since(self, from_s: float, until_s: float = float("inf")) -> Answers:
        now_s = self._clock.now()
        due = np.arange(max(BEGAN_S, from_s - 1.0), now_s - TRIP_S, PERIOD_S)
        failed, skipped = _inside(due, self.blocked), _inside(due, self.stalled)
        answered = self._service.up(due[~failed & ~skipped])
        rows = (
            _records(
                traffic_process.ANSWER,
                answered,
                at_s=answered + TRIP_S,
                doubt_us=self.doubt_us,
            ),
            _records(traffic_process.FAILED, due[failed], counter=1, status=errno.ENETUNREACH),
            _records(traffic_process.SKIPPED, due[skipped], counter=1),
            _records(traffic_process.PROGRESS, due[-1:]),
        )
        records = np.concatenate(rows)
        known = (Identity("boot", "1.0.0", 1),)
        return digest(records, BEGAN_S, PERIOD_S, (from_s, until_s), known, self.late_s)


def _inside(times_s: Times, spans: Spans) -> np.ndarray[Any, np.dtype[np.bool_]]:
    inside = np.zeros(times_s.size, dtype=np.bool_)
    for from_s, to_s in spans:
        inside |= (times_s >= from_s) & (times_s < to_s)
    return inside


def _records(kind: int, due_s: Times, **fields: Any) -> np.ndarray[Any, np.dtype[np.void]]:
    """Return records of the datagrams that were due then."""
    records = np.zeros(due_s.size, dtype=RECORD)
    records["kind"] = kind
    records["sequence"] = np.round((due_s - BEGAN_S) / PERIOD_S)
    records["at_s"] = due_s
    for name, value in fields.items():
        records[name] = value
    return records


class Counter:
    """A counter of its heartbeat: `holds` stamps, each start and each answer takes its time."""

    STAMPS = PLAIN

    def __init__(
        self,
        service: Service,
        clock: StillClock,
        *,
        holds: int = 10**6,
        start_s: float = 0.04,
        answer_s: float = 0.001,
    ) -> None:
        self.READINGS_MAX = holds
        self.readings = 0
        self.starts = 0  # anew
        self.then_out: list[tuple[float, float]] = []  # so long after it is started anew
        self._service = service
        self._clock = clock
        self._start_s = start_s
        self._answer_s = answer_s
        self._seen_s = 0.0
        self._correlation: Correlation | None = None

    def identity(self) -> str:
        return "a counter"

    def start(self) -> None:
        asked_s = self._clock.now()
        self._clock.sleep(self._start_s)
        self._seen_s = self._zero_s = self._clock.now()
        self.readings, self._correlation = 0, None
        if asked_s > BEGAN_S:
            self.starts += 1
            self._service.out += [(asked_s + at_s, asked_s + to_s) for at_s, to_s in self.then_out]
            self.then_out = []

    def drain(self) -> Times:
        now_s, period_s = self._clock.now(), self._service.period_s
        numbers = np.arange(np.ceil(self._seen_s / period_s), np.ceil(now_s / period_s))
        found = self._service.up((numbers * period_s).astype(np.float64))
        self._seen_s = now_s
        self._clock.sleep(self._answer_s)
        self.readings += found.size
        if self.readings >= self.READINGS_MAX:
            raise InstrumentError("counter", command="drain", reply="it has stopped")
        if found.size:
            self._bracket(self._clock.now() - found[-1])
        return np.asarray(found - self._zero_s)

    def _bracket(self, late_s: float) -> None:
        offset_s = self._zero_s + late_s
        if self._correlation is None or offset_s < self._correlation.offset_s:
            self._correlation = Correlation(offset_s, self._answer_s + PERIOD_MAX_S)

    def correlate(self) -> Correlation:
        if self._correlation is None:
            raise BenchError("no heartbeat yet")
        return self._correlation

    def stop(self) -> None: ...


class Watched:
    """A watch over a made-up service, and what a campaign does with it."""

    def __init__(self, folder: Path, *, feed: object = None, **counter: Any) -> None:
        self.clock = StillClock()
        self.service = Service()
        self.traffic = Traffic(self.service, self.clock, folder / "traffic.rec")
        self.counter = Counter(self.service, self.clock, **counter)
        observers = Observers(
            cast("Any", self.traffic), self.counter, self.clock, cast("Any", feed)
        )
        self.watch = ServiceWatch(observers)
        self.watch.__enter__()
        self.watch.undisturbed(1.0)

    def event(self, *out: tuple[float, float], lasts_s: float) -> Outages:
        """Measure an event with outages so long after its begin."""
        episode = self.watch.open("event")
        began_s = self.clock.now()
        self.service.out += [(began_s + at_s, began_s + to_s) for at_s, to_s in out]
        while self.clock.now() < began_s + lasts_s:
            self.clock.sleep(0.2)
            self.watch.tend()
        self.watch.close(episode)
        return self.watch.settle(episode, deadline=Deadline.after(self.clock, 20.0))

    def counted(self, outages: Outages) -> tuple[float, float]:
        assert outages.counter is not None
        return outages.counter.value, outages.counter.uncertainty


class Feed:
    """A supply that read no current for 0.3 s and then failed."""

    def __init__(self) -> None:
        self.asked: tuple[float, float] | None = None

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def resume(self, before_s: float) -> None: ...

    def between(self, from_s: float, until_s: float) -> Drawn:
        self.asked = (from_s, until_s)
        currents = (0.8, 0.0, 0.0, 0.8)
        readings = [Reading(from_s + n / 10, from_s + n / 10, a) for n, a in enumerate(currents)]
        return Drawn(readings=tuple(readings), source="a supply", failure="it talks garbage")


def test_the_time_without_current_is_measured_beside_the_outage(tmp_path: Path) -> None:
    feed = Feed()
    watched = Watched(tmp_path, feed=feed)

    found = watched.event((0.05, 0.4), lasts_s=1.0)

    assert found.unfed is not None
    assert found.unfed.value == pytest.approx(0.2)
    assert "the board's current was not read to the end: it talks garbage" in found.notes
    with np.load(found.raw) as raw:
        assert raw["current_a"].tolist() == [0.8, 0.0, 0.0, 0.8]
        assert feed.asked is not None
        assert raw["current_s"][0] == feed.asked[0] == raw["opened_s"]


def test_observers_start_all_or_none(tmp_path: Path) -> None:
    running: list[str] = []
    clock = StillClock()
    traffic = Traffic(Service(), clock, tmp_path / "traffic.rec")
    feed = Feed()
    for name, one in (("traffic", traffic), ("feed", feed)):
        one.start = lambda name=name: running.append(name)  # type: ignore[method-assign,misc]
        one.stop = lambda name=name: running.remove(name)  # type: ignore[method-assign,misc]
    counter = Counter(Service(), clock)
    observers = Observers(cast("Any", traffic), counter, clock, cast("Any", feed))

    def fail() -> None:
        assert running == ["traffic", "feed"]
        raise BenchError("the counter does not start")

    counter.start = fail  # type: ignore[method-assign]
    with pytest.raises(BenchError, match="does not start"):
        observers.start()
    assert running == []


def test_a_place_without_a_supply_says_nothing_of_its_feed(tmp_path: Path) -> None:
    found = Watched(tmp_path).event((0.05, 0.4), lasts_s=1.0)
    assert found.unfed is None
    with np.load(found.raw) as raw:
        assert raw["current_s"].size == 0


def test_an_outage_soon_after_the_counter_was_started_anew_is_measured_alone(
    tmp_path: Path,
) -> None:
    """0.04 s of blindness and a reset of 0.15 s, 0.3 s after the mark, were one outage of 1 s."""
    watched = Watched(tmp_path, holds=20000)
    watched.watch.wait(10.0)

    found = watched.event((0.3, 0.45), lasts_s=1.0)

    value, doubt = watched.counted(found)
    assert watched.counter.starts == 1, "half of its memory was gone"
    assert value == pytest.approx(0.15, abs=2e-3)
    assert doubt < 5e-3
    assert found.agreement == "agree"


def test_a_slow_counters_restart_is_no_outage_of_the_boards(tmp_path: Path) -> None:
    watched = Watched(tmp_path, holds=16000, start_s=2.0, answer_s=0.3)
    watched.watch.wait(9.0)

    found = watched.event(lasts_s=1.0)

    assert watched.counter.starts
    assert found.counter is not None
    assert found.counter.method.startswith("no loss")
    assert watched.counted(found)[1] < 0.1, "the restart is not in its resolution either"
    assert found.agreement == "agree"


def test_a_step_longer_than_the_counters_memory_is_measured(tmp_path: Path) -> None:
    watched = Watched(tmp_path, holds=6000)

    found = watched.event((9.0, 11.0), lasts_s=14.0)

    value, doubt = watched.counted(found)
    assert watched.counter.starts >= 2
    assert value == pytest.approx(2.0, abs=2e-3)
    assert doubt < 5e-3
    assert found.agreement == "agree"
    assert found.recovered


@pytest.mark.parametrize("steady_s", [0.0, 2.0])
def test_a_counter_that_ran_full_between_two_steps_is_of_use_again(
    tmp_path: Path, steady_s: float
) -> None:
    """A board that is programmed anew between them beats on, and nobody reads the counter."""
    watched = Watched(tmp_path, holds=6000)
    watched.clock.sleep(60.0)
    watched.watch.wait(steady_s)

    found = watched.event((0.5, 1.5), lasts_s=2.0)

    assert watched.counted(found)[0] == pytest.approx(1.0, abs=2e-3)
    assert found.agreement == "agree"


def test_an_outage_that_falls_into_the_counters_blindness_is_never_no_loss(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path, holds=6000, start_s=0.5)
    watched.counter.then_out = [(0.3, 0.4)]

    found = watched.event(lasts_s=6.0)

    value, doubt = watched.counted(found)
    assert found.traffic.value == pytest.approx(0.1, abs=2e-3)
    assert found.counter is not None
    assert "looked away" in found.counter.method
    assert value - doubt <= 0.1 <= value + doubt
    assert value > 0.0
    assert found.agreement == "unclear"
    assert any("blind for" in note for note in found.notes)


def test_an_outage_that_begins_in_the_counters_blindness_is_unclear(tmp_path: Path) -> None:
    watched = Watched(tmp_path, holds=6000, start_s=0.5)
    watched.counter.then_out = [(0.3, 2.3)]

    found = watched.event(lasts_s=6.0)

    value, doubt = watched.counted(found)
    assert value - doubt <= 2.0 <= value + doubt
    assert doubt > 0.5, "when it began is known no better than the blindness is long"
    assert found.agreement == "unclear"


def test_a_probe_that_stood_still_while_nothing_happened_measured_no_outage(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path)
    watched.traffic.stalled = ((watched.clock.now() + 0.5, watched.clock.now() + 0.8),)

    found = watched.event(lasts_s=2.0)

    assert found.traffic.method.startswith("no loss")
    assert found.traffic.uncertainty == pytest.approx(0.3, abs=2e-3)
    assert found.agreement == "agree"


def test_what_a_probe_that_stood_still_could_not_see_is_never_no_loss(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.traffic.stalled = ((watched.clock.now() + 0.5, watched.clock.now() + 0.8),)

    found = watched.event((0.6, 0.7), lasts_s=2.0)

    assert watched.counted(found)[0] == pytest.approx(0.1, abs=2e-3)
    assert "looked away" in found.traffic.method
    assert abs(found.traffic.value - 0.1) <= found.traffic.uncertainty
    assert found.agreement == "unclear"


def test_a_counter_that_sees_nothing_after_it_was_started_anew_is_the_benchs(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path, holds=8000)
    watched.watch.wait(3.5)
    watched.service.out.append((watched.clock.now(), 1e9))

    with pytest.raises(BenchError, match="saw no steady heartbeat"):
        watched.watch.open("event")


def test_a_counter_that_is_started_anew_meanwhile_delays_no_recovery(tmp_path: Path) -> None:
    watched = Watched(tmp_path, holds=6000, start_s=0.5)
    began_s = watched.clock.now()

    found = watched.event((0.5, 1.0), lasts_s=1.5)

    assert watched.counter.starts == 1
    assert found.recovered
    assert watched.clock.now() - began_s < 1.0 + 5.0 + 1.0, "RFC 6412's five seconds, and a second"


def test_stamps_that_cannot_be_are_in_the_budget_and_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.traffic.doubt_us = 8000

    found = watched.event((0.5, 1.0), lasts_s=1.5)

    (doubt,) = (item for item in found.traffic.budget if item.cause == "clock correlation")
    assert doubt.half_width == pytest.approx(8e-3)
    assert any("wall clock was set" in note for note in found.notes)


def test_an_event_that_was_given_up_does_not_fill_the_memory(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.watch.open("a step that failed")
    watched.watch.wait(30.0)
    watched.event(lasts_s=1.0)

    assert watched.traffic.forgotten_s > BEGAN_S + 15.0


def test_a_computer_that_could_not_send_measured_no_outage(tmp_path: Path) -> None:
    """Nothing was lost, and the board did not fail: the rig's own network did."""
    watched = Watched(tmp_path)
    episode = watched.watch.open("event")
    from_s = watched.clock.now() + 1.0
    watched.traffic.blocked = ((from_s, from_s + 2.0),)
    watched.watch.wait(4.0)
    watched.watch.close(episode)

    with pytest.raises(BenchError, match=r"could not send for 2\.0.* ENETUNREACH"):
        watched.watch.settle(episode, deadline=Deadline.after(watched.clock, 20.0))


def test_a_computer_that_cannot_send_any_more_is_not_a_dead_board(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    episode = watched.watch.open("event")
    watched.watch.wait(1.0)
    watched.watch.close(episode)
    watched.traffic.blocked = ((watched.clock.now() + 0.5, 1e9),)
    place = SimpleNamespace(clock=watched.clock, power_path=ScriptedPower())
    step = StepResult(name="up", wanted="2.0.0", fault="none", outcome=Outcome.new)

    found = PendingStep(step, cast("Any", place), watched.watch, episode).settle()

    assert found.outcome is Outcome.bench
    assert "ENETUNREACH" in str(found.error)


def test_sends_that_failed_away_from_the_event_do_no_harm(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.traffic.blocked = ((watched.clock.now(), watched.clock.now() + 0.5),)
    watched.watch.wait(3.0)

    found = watched.event((0.5, 1.5), lasts_s=2.0)

    assert found.traffic.value == pytest.approx(1.0, abs=2e-3)
    assert found.agreement == "agree"


def test_a_computer_that_cannot_send_is_told_from_a_service_that_is_not_up(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path)
    watched.traffic.blocked = ((watched.clock.now(), 1e9),)

    with pytest.raises(BenchError, match="ENETUNREACH"):
        watched.watch.undisturbed(1.0)


def test_no_campaign_begins_with_a_heartbeat_at_the_wrong_rate(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.service.period_s = 2 * HEARTBEAT_S

    with pytest.raises(BenchError, match=r"every 2\.000 ms and not every 1 ms"):
        watched.watch.undisturbed(2.0)
