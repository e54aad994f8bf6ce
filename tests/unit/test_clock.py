# SPDX-License-Identifier: MIT
"""Rules of deadlines: they are handed down and never add up."""

from rig.clock import Deadline, SystemClock
from tests.unit.helpers.dialogue import StillClock


def test_a_deadline_is_used_up_by_nested_waits() -> None:
    clock = StillClock()
    deadline = Deadline.after(clock, 10.0)

    clock.sleep(4.0)
    clock.sleep(5.0)

    assert deadline.left_s == 1.0
    assert not deadline.passed


def test_a_deadline_never_has_less_than_nothing_left() -> None:
    clock = StillClock()
    deadline = Deadline.after(clock, 1.0)

    clock.sleep(3.0)

    assert deadline.left_s == 0.0
    assert deadline.passed


def test_the_system_clock_does_not_go_back() -> None:
    clock = SystemClock()
    before_s = clock.now()

    clock.sleep(0.0)

    assert clock.now() >= before_s
