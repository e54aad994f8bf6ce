# SPDX-License-Identifier: MIT
"""Rules of deadlines: they are handed down and never add up."""

from dataclasses import dataclass

from rig.clock import Deadline, SystemClock


@dataclass
class FakeClock:
    now_s: float = 100.0

    def now(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s


def test_a_deadline_is_used_up_by_nested_waits() -> None:
    clock = FakeClock()
    deadline = Deadline.after(clock, 10.0)

    clock.sleep(4.0)
    clock.sleep(5.0)

    assert deadline.left_s == 1.0
    assert not deadline.passed


def test_a_deadline_never_has_less_than_nothing_left() -> None:
    clock = FakeClock()
    deadline = Deadline.after(clock, 1.0)

    clock.sleep(3.0)

    assert deadline.left_s == 0.0
    assert deadline.passed


def test_the_system_clock_does_not_go_back() -> None:
    clock = SystemClock()
    before_s = clock.now()

    clock.sleep(0.0)

    assert clock.now() >= before_s
