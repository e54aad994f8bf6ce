# SPDX-License-Identifier: MIT
"""The stamps of a counter that had to be started anew, put into one line of time."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from rig.beats import BLIND_S, Beats
from rig.instruments.counter import Correlation
from rig.outage import PLAIN, Gap, Times
from tests.unit.dialogue import StillClock


@dataclass
class FakeCounter:
    """Gives what a test puts into `stamps`; its own time began `offset_s` after the rig's."""

    offset_s: float
    error_s: float
    stamps: list[float] = field(default_factory=list)
    readings: int = 0
    runs: int = 0
    READINGS_MAX: int = 10
    STAMPS = PLAIN

    def identity(self) -> str:
        return "a counter"

    def start(self) -> None:
        self.runs += 1
        self.readings = 0

    def drain(self) -> Times:
        stamps, self.stamps = np.array(self.stamps, dtype=float), []
        self.readings += stamps.size
        return stamps

    def correlate(self) -> Correlation:
        return Correlation(self.offset_s, self.error_s)

    def stop(self) -> None:
        pass


def started() -> tuple[Beats, FakeCounter, StillClock]:
    counter, clock = FakeCounter(offset_s=90.0, error_s=0.002), StillClock()
    counter.start()
    return Beats(counter, clock), counter, clock


def renewed() -> tuple[Beats, FakeCounter]:
    """Return beats at 91 … 96 s of one run, then at 101 and 102 s of the next."""
    beats, counter, _ = started()
    counter.stamps = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    beats.drain()
    beats.make_room()
    counter.offset_s, counter.error_s = 100.0, 0.003
    counter.stamps = [1.0, 2.0]
    beats.drain()
    return beats, counter


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


def test_a_run_that_ended_keeps_its_own_clock() -> None:
    beats, counter = renewed()

    assert counter.runs == 2
    assert beats.since(95.0).tolist() == [95.0, 96.0, 101.0, 102.0]


def test_the_moment_of_a_new_start_is_remembered() -> None:
    beats, _ = renewed()

    assert beats.blind == ((100.0 - BLIND_S, 100.0 + BLIND_S),)


def test_only_a_gap_across_two_runs_is_in_doubt_by_both_clocks() -> None:
    beats, _ = renewed()

    assert beats.doubt_s(Gap(96.0, 101.0)) == pytest.approx(0.002 + 0.003)
    assert beats.doubt_s(Gap(101.0, 102.0)) == 0.0
    assert beats.doubt_s(None) == 0.0


def test_what_is_forgotten_is_of_runs_that_have_ended() -> None:
    beats, _ = renewed()
    beats.forget(95.5)

    assert beats.since(0.0).tolist() == [96.0, 101.0, 102.0]
