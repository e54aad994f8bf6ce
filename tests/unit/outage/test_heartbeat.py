# SPDX-License-Identifier: MIT
"""The stamps of a counter that had to be started anew, put into one line of time."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from rig.instruments.edges import Correlation
from rig.outage.estimate import PLAIN
from rig.outage.gaps import Gap, Times
from rig.outage.heartbeat import Beats
from tests.unit.helpers.dialogue import StillClock


@dataclass
class FakeCounter:
    """Gives what a test puts into `stamps`; its own time began `offset_s` after the rig's."""

    offset_s: float
    error_s: float
    stamps: list[float] = field(default_factory=list)
    readings: int = 0
    runs: int = 0
    READINGS_MAX: int = 10
    takes_s: float = 0.0  # to be started
    clock: StillClock = field(default_factory=StillClock)
    STAMPS = PLAIN

    def identity(self) -> str:
        return "a counter"

    def start(self) -> None:
        self.runs += 1
        self.readings = 0
        self.clock.sleep(self.takes_s)

    def drain(self) -> Times:
        stamps, self.stamps = np.array(self.stamps, dtype=float), []
        self.readings += stamps.size
        return stamps

    def correlate(self) -> Correlation:
        return Correlation(self.offset_s, self.error_s)

    def stop(self) -> None:
        pass


def started() -> tuple[Beats, FakeCounter, StillClock]:
    counter = FakeCounter(offset_s=90.0, error_s=0.002)
    beats = Beats(counter, counter.clock, period_s=1.0)
    beats.start()
    return beats, counter, counter.clock


def renewed(*, seen_until_s: float = 96.0, takes_s: float = 4.0) -> tuple[Beats, FakeCounter]:
    """Return beats at 91 … 96 s of one run, then at 101 and 102 s of the next."""
    beats, counter, clock = started()
    counter.stamps = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    counter.takes_s = takes_s
    clock.now_s = seen_until_s
    beats.make_room()
    counter.offset_s, counter.error_s = 100.0, 0.003
    counter.stamps = [1.0, 2.0]
    beats.drain()
    return beats, counter


def heartbeat(from_s: float, to_s: float) -> list[float]:
    """Return a beat each 10 ms, in the time of a counter whose zero is at 90 s."""
    return [float(at) for at in np.arange(from_s - 90.0, to_s - 90.0, 0.01)]


def test_stamps_are_given_in_the_rigs_time_and_from_when_it_is_asked() -> None:
    beats, counter, clock = started()
    counter.stamps = [1.0, 2.0, 3.0]
    clock.now_s = 101.5
    beats.drain()

    assert beats.since(92.0).tolist() == [92.0, 93.0]
    assert beats.known_until_s == 101.5


def test_a_counter_with_room_for_as_much_again_runs_on() -> None:
    beats, counter, _ = started()
    counter.stamps = [1.0, 2.0, 3.0, 4.0, 5.0]
    beats.drain()
    beats.make_room()

    assert counter.runs == 1
    assert beats.blind == ()


def test_a_counter_that_may_have_stopped_is_started_anew_unread() -> None:
    beats, counter, clock = started()
    clock.now_s += 10.0
    counter.stamps = [float(second) for second in range(10)]
    beats.make_room()

    assert counter.runs == 2
    assert counter.stamps, "a counter that has stopped cannot be read"


def test_a_run_that_ended_keeps_its_own_clock() -> None:
    beats, counter = renewed()

    assert counter.runs == 2
    assert beats.since(95.0).tolist() == [95.0, 96.0, 101.0, 102.0]


@pytest.mark.parametrize(
    ("seen_until_s", "takes_s", "blind"),
    [
        (96.0, 5.0, (96.0, 101.0)),  # from the last beat before to the first one after
        (96.0, 4.0, (96.0, 100.0)),  # it looked again at 100, and no beat came for a second
        (98.0, 3.0, (98.0, 101.0)),  # it looked until 98, and no beat came for two
    ],
)
def test_a_new_start_is_blind_for_no_longer_than_the_counter_did_not_look(
    seen_until_s: float, takes_s: float, blind: tuple[float, float]
) -> None:
    beats, _ = renewed(seen_until_s=seen_until_s, takes_s=takes_s)

    assert beats.blind == (blind,)


def test_a_run_that_by_its_clock_began_before_the_last_one_ended_is_put_in_order() -> None:
    beats, counter = renewed()
    counter.offset_s = 94.5
    beats.drain()

    assert beats.since(95.0).tolist() == [95.0, 96.0, 96.0, 96.5]


def test_until_a_new_run_has_its_first_beat_the_clock_is_the_last_ones() -> None:
    beats, counter, _ = started()
    counter.stamps = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    beats.drain()
    beats.make_room()
    counter.error_s = float("inf")

    assert not beats.sees
    assert beats.error_s == 0.002


def test_a_counter_that_is_nearly_full_is_started_anew_while_the_heartbeat_is_steady() -> None:
    beats, counter, clock = started()
    counter.READINGS_MAX = 400
    counter.stamps = heartbeat(100.0, 103.0)
    clock.now_s = 103.0
    beats.drain()

    assert counter.runs == 2
    assert beats.since(0.0).size == 300


def test_a_counter_that_is_nearly_full_is_not_blind_at_the_end_of_an_outage() -> None:
    beats, counter, clock = started()
    counter.READINGS_MAX = 400
    counter.stamps = heartbeat(100.0, 103.0)
    clock.now_s = 103.1  # 0.1 s without a beat
    beats.drain()
    silent = counter.runs
    counter.stamps = heartbeat(104.0, 104.5)
    clock.now_s = 104.5
    beats.drain()
    back = counter.runs
    counter.stamps = heartbeat(104.5, 105.1)
    clock.now_s = 105.1
    beats.drain()

    assert (silent, back, counter.runs) == (1, 1, 2)


def test_a_counter_is_tended_only_when_it_may_be_nearly_full() -> None:
    beats, counter, clock = started()
    beats.drain()
    counter.stamps = [float(second) for second in range(10, 18)]
    clock.now_s = 107.0
    beats.tend()
    early = beats.since(0.0).size
    clock.now_s = 108.0
    beats.tend()

    assert (early, beats.since(0.0).size) == (0, 8)


def test_only_a_gap_across_two_runs_is_in_doubt_by_both_clocks() -> None:
    beats, _ = renewed()

    assert beats.doubt_s(Gap(96.0, 101.0)) == pytest.approx(0.002 + 0.003)
    assert beats.doubt_s(Gap(101.0, 102.0)) == 0.0
    assert beats.doubt_s(None) == 0.0


def test_what_is_forgotten_is_of_runs_that_have_ended_and_of_this_one() -> None:
    beats, _ = renewed()
    beats.forget(95.5)
    first = beats.since(0.0).tolist()
    beats.forget(101.5)
    second = beats.since(0.0).tolist()
    beats.forget(200.0)

    assert (first, second) == ([96.0, 101.0, 102.0], [102.0])
    assert beats.since(0.0).tolist() == [102.0], "the last one is where the next gap begins"
    assert beats.blind == ()


def test_what_a_long_run_keeps_does_not_grow() -> None:
    beats, counter, clock = started()
    counter.READINGS_MAX = 10**6
    for number in range(5):
        clock.now_s = 110.0 + number * 10.0
        counter.stamps = heartbeat(clock.now_s - 10.0, clock.now_s)
        beats.drain()
        beats.forget(clock.now_s - 5.0)

    assert counter.runs == 1
    assert beats.since(0.0).size == pytest.approx(500, abs=1)
