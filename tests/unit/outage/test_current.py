# SPDX-License-Identifier: MIT
"""What a supply's log says of the board's feed; the true moments lie within what is stated."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rig.errors import InstrumentError
from rig.outage.current import MEAN_S, MEMORY_S, Logged, Polled, Reading, currents
from rig.outage.supply_watch import Drawn
from tests.unit.helpers.dialogue import StillClock

STEP_S = 102.4e-6
RUNNING_A = 0.84


@dataclass
class Log:
    current_a: NDArray[np.float64]
    step_s: float = STEP_S


@dataclass
class Supply:
    """Logs a board that has no current in the spans of `gone`; a fetch takes `takes_s`."""

    clock: StillClock
    gone: tuple[tuple[float, float], ...] = ()
    takes_s: float = 0.004
    share: float = 0.5  # of which so much has passed when the supply looks at its log
    error: InstrumentError | None = None
    starts: int = 0
    stops: int = 0
    _from_s: float = 0.0
    _taken: int = 0

    def identity(self) -> str:
        return "a supply"

    def peek_current(self) -> float:
        raise AssertionError("it logs")

    def start_log(self) -> None:
        self.starts += 1
        self._from_s, self._taken = self.clock.now(), 0

    def read_log(self) -> Log:
        if self.error:
            raise self.error
        self.clock.sleep(self.takes_s * self.share)
        ready = int((self.clock.now() - self._from_s) / STEP_S)
        at_s = self._from_s + (np.arange(self._taken, ready) + 0.5) * STEP_S
        self._taken = ready
        self.clock.sleep(self.takes_s * (1 - self.share))
        off = np.zeros(at_s.size, dtype=bool)
        for from_s, to_s in self.gone:
            off |= (at_s >= from_s) & (at_s < to_s)
        return Log(np.where(off, 0.0, RUNNING_A))

    def stop_log(self) -> None:
        self.stops += 1
        if self.error:
            raise self.error


def watched(supply: Supply, until_s: float = 2.0) -> list[Reading]:
    """Read a supply ten times a second, as FeedWatch does."""
    logged = Logged(supply, supply.clock)
    began_s = supply.clock.now()
    found: list[Reading] = []
    while supply.clock.now() - began_s < until_s:
        found += logged.read()
        supply.clock.sleep(0.1)
    return found


@given(
    st.floats(0.3, 1.0),
    st.floats(3e-3, 0.7),
    st.floats(0.0, 0.02),
    st.floats(0.0, 1.0),
)
def test_the_moments_at_which_the_current_went_and_came_lie_in_their_readings(
    from_s: float, length_s: float, takes_s: float, share: float
) -> None:
    clock = StillClock()
    gone = (clock.now() + from_s, clock.now() + from_s + length_s)
    found = watched(Supply(clock, (gone,), takes_s, share))

    kinds = [one.fed for one in found]
    fall, rise = kinds.index(False), len(kinds) - kinds[::-1].index(False)
    assert found[fall - 1].asked_s <= gone[0] <= found[fall].answered_s
    assert found[rise - 1].asked_s <= gone[1] <= found[rise].answered_s
    edge_s = takes_s + 2 * MEAN_S + 3 * STEP_S
    assert found[fall].answered_s - found[fall - 1].asked_s <= edge_s

    unfed = Drawn(readings=tuple(found), source="a supply").unfed()
    assert unfed is not None
    assert abs(unfed.value - length_s) <= sum(item.half_width for item in unfed.budget) + 1e-9


def test_a_loss_that_a_polled_supply_does_not_see_is_seen_in_a_log() -> None:
    clock = StillClock()
    gone = (clock.now() + 0.53, clock.now() + 0.55)
    unfed = Drawn(readings=tuple(watched(Supply(clock, (gone,)))), source="a supply").unfed()
    assert unfed is not None
    assert unfed.value == pytest.approx(0.020, abs=unfed.uncertainty)
    assert unfed.uncertainty < 0.01


def test_what_the_capacitors_bridge_is_no_loss() -> None:
    clock = StillClock()
    gone = (clock.now() + 0.53, clock.now() + 0.53 + MEAN_S / 3)
    assert all(one.fed for one in watched(Supply(clock, (gone,))))


def test_few_readings_are_kept_of_a_current_that_flows() -> None:
    assert len(watched(Supply(StillClock()), until_s=10.0)) <= 200


def test_a_log_that_failed_or_ran_over_is_started_anew() -> None:
    clock = StillClock()
    supply = Supply(clock)
    logged = Logged(supply, clock)
    assert not logged.read()
    clock.sleep(0.1)
    assert logged.read()

    supply.error = InstrumentError("supply", command="FETC:ELOG?", reply="nothing within 5.0 s")
    with pytest.raises(InstrumentError):
        logged.read()
    supply.error = None
    assert not logged.read(), "what lies before is not known"
    clock.sleep(0.1)
    begun_s = clock.now() - 0.1
    assert all(one.asked_s >= begun_s - supply.takes_s - MEAN_S for one in logged.read())

    clock.sleep(MEMORY_S + 1.0)
    assert not logged.read(), "it may have lost something"
    assert (supply.starts, supply.stops) == (3, 2), "one that may run is stopped first"
    logged.close()
    assert supply.stops == 3


def test_a_supply_that_does_not_answer_in_the_end_is_left() -> None:
    supply = Supply(StillClock(), error=InstrumentError("supply", command="ABOR:ELOG", reply=""))
    logged = Logged(supply, supply.clock)
    logged.close()
    assert supply.stops == 0, "it was not started"
    logged.read()
    logged.close()
    assert supply.stops == 1


def test_a_supply_without_a_log_is_polled() -> None:
    class Plain:
        def identity(self) -> str:
            return "a supply"

        def peek_current(self) -> float:
            return RUNNING_A

    clock = StillClock()
    plain = currents(Plain(), clock)
    assert isinstance(plain, Polled)
    assert plain.read() == (Reading(clock.now(), clock.now(), RUNNING_A),)
    assert isinstance(currents(Supply(clock), clock), Logged)
