# SPDX-License-Identifier: MIT
"""Whether a board was fed, by its current; the true times lie within what is stated."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.clock import Deadline, SystemClock
from rig.errors import InstrumentError
from rig.outage.current import CURRENT_MIN_A, Reading
from rig.outage.supply_watch import Drawn, FeedWatch

RUNNING_A, DEAD_A = 0.84, 0.11
CLOCK = SystemClock()


def drawn(*gone: tuple[float, float], until_s: float = 10.0, takes_s: float = 0.02) -> Drawn:
    """Read every 0.1 s a board that has no current in the spans of `gone`."""
    readings = []
    for number in range(round(until_s * 10)):
        asked_s = number / 10
        true_s = asked_s + takes_s / 3  # the moment that the supply looks at
        off = any(from_s <= true_s < to_s for from_s, to_s in gone)
        readings.append(Reading(asked_s, asked_s + takes_s, 0.0 if off else RUNNING_A))
    return Drawn(readings=tuple(readings), source="a supply")


def test_a_board_that_always_draws_current_was_always_fed() -> None:
    assert drawn().unfed() is None
    assert Drawn(readings=(), source="a supply").unfed() is None
    dead = tuple(Reading(at_s, at_s + 0.02, DEAD_A) for at_s in (1.0, 2.0))
    assert Drawn(readings=dead, source="a supply").unfed() is None, "no processor, but fed"


@given(
    st.floats(0.5, 3.0),
    st.floats(0.2, 2.0),
    st.floats(0.3, 1.0),
    st.floats(0.2, 2.0),
)
def test_the_time_without_current_lies_within_what_its_budget_allows(
    from_s: float, length_s: float, between_s: float, again_s: float
) -> None:
    second_s = from_s + length_s + between_s
    gone = ((from_s, from_s + length_s), (second_s, second_s + again_s))

    found = drawn(*gone).unfed()

    assert found is not None
    largest_s = sum(item.half_width for item in found.budget)
    assert abs(found.value - length_s - again_s) <= largest_s + 1e-9
    assert [item.cause for item in found.budget] == ["fall 1", "rise 1", "fall 2", "rise 2"]
    assert found.uncertainty == pytest.approx(2 * 4**0.5 * 0.06 / 3**0.5)


def test_a_board_that_is_still_without_is_so_until_the_last_reading() -> None:
    found = drawn((4.0, 99.0), until_s=6.0).unfed()
    assert found is not None
    assert found.value == pytest.approx(5.92 - 3.96)


class Supply:
    """A supply whose readings are given, the last one for ever; an error is raised."""

    def __init__(self, *readings: float | Exception) -> None:
        self.left = list(readings)
        self.asked = threading.Semaphore(0)

    def identity(self) -> str:
        return "a supply"

    def peek_current(self) -> float:
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        self.asked.release()
        if isinstance(found, Exception):
            raise found
        return found

    def wait(self, times: int) -> None:
        for _ in range(times):
            assert self.asked.acquire(timeout=10.0), "the supply is not read"


def test_a_supply_is_read_again_and_again_until_it_is_stopped() -> None:
    supply = Supply(RUNNING_A, RUNNING_A, 0.0, RUNNING_A)
    watch = FeedWatch(supply, CLOCK, period_s=0.001)
    from_s = CLOCK.now()
    watch.start()
    supply.wait(6)
    watch.stop()
    supply.asked = threading.Semaphore(0)

    found = watch.between(from_s, CLOCK.now())

    assert [one.current_a for one in found.readings[:4]] == [0.84, 0.84, 0.0, 0.84]
    assert not found.failure
    gone = found.unfed()
    assert gone is not None
    assert gone.source == "a supply"
    assert not supply.asked.acquire(timeout=0.05), "nobody reads it any more"


@pytest.mark.parametrize(
    "error",
    [
        InstrumentError("supply", command="MEAS:CURR? (@1)", reply="nothing within 5.0 s"),
        KeyError("a library's own, nothing within 5.0 s"),
    ],
)
def test_a_supply_that_fails_is_left_alone_until_the_next_event(error: Exception) -> None:
    supply = Supply(RUNNING_A, error, RUNNING_A)
    watch = FeedWatch(supply, CLOCK, period_s=0.001)
    from_s = CLOCK.now()
    watch.start()
    supply.wait(2)
    deadline = Deadline.after(CLOCK, 10.0)
    while not (found := watch.between(from_s, CLOCK.now())).failure and not deadline.passed:
        CLOCK.sleep(0.001)
    assert "nothing within 5.0 s" in found.failure
    assert found.unfed() is None
    assert not supply.asked.acquire(timeout=0.05), "the rig needs it for more than this"

    event_s = CLOCK.now()
    watch.resume(event_s)
    supply.wait(2)
    watch.stop()

    found = watch.between(event_s, CLOCK.now())
    assert not found.failure
    assert found.readings
    assert all(one.asked_s >= event_s for one in found.readings), "old readings are forgotten"


def test_the_last_reading_before_an_event_bounds_a_fall_at_its_begin() -> None:
    watch = FeedWatch(Supply(0.0), CLOCK)
    watch._readings = [Reading(at_s, at_s + 0.01, RUNNING_A) for at_s in (1.0, 2.0)]
    watch._readings += [Reading(3.0, 3.01, 0.0), Reading(4.0, 4.01, RUNNING_A)]

    found = watch.between(2.5, 5.0)

    assert [one.asked_s for one in found.readings] == [2.0, 3.0, 4.0]
    assert all(one.fed is (one.current_a >= CURRENT_MIN_A) for one in found.readings)


def test_what_was_read_of_an_off_board_long_before_an_event_is_no_loss_in_it() -> None:
    """A supply that had failed while the board was off is read again from the next event on."""
    watch = FeedWatch(Supply(0.0), CLOCK)
    watch._readings = [Reading(1.0, 1.01, 0.0), Reading(3.0, 3.01, RUNNING_A)]

    found = watch.between(2.5, 5.0)

    assert [one.asked_s for one in found.readings] == [3.0]
    assert found.unfed() is None
