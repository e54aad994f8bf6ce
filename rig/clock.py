# SPDX-License-Identifier: MIT
"""The only module that reads or waits for time."""

import time
from dataclasses import dataclass
from typing import Protocol, Self


class Clock(Protocol):
    """Monotonic time in seconds; its zero means nothing."""

    def now(self) -> float: ...
    def sleep(self, duration_s: float) -> None: ...


class SystemClock:
    """The bench computer's monotonic clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        time.sleep(duration_s)


def wall_time_s() -> float:
    """Return seconds since 1970, for records that people read; never for durations."""
    return time.time()


def uptime_s() -> float:
    """Return seconds since this computer was started, its sleep included: no clock that is set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time that is handed down, so nested waits cannot add up."""

    clock: Clock
    at_s: float

    @classmethod
    def after(cls, clock: Clock, duration_s: float) -> Self:
        return cls(clock, clock.now() + duration_s)

    @property
    def left_s(self) -> float:
        return max(0.0, self.at_s - self.clock.now())

    @property
    def passed(self) -> bool:
        return self.left_s == 0.0
