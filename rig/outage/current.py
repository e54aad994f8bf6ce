# SPDX-License-Identifier: MIT
"""How the current of the board is read: polled, or out of the log of a supply that keeps one."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rig.clock import Clock
from rig.errors import BenchError

# A board whose regulators work draws more, whatever its software does.
CURRENT_MIN_A = 0.05
MEAN_S = 1e-3  # assumed: what is shorter the capacitors of the board bridge
MEMORY_S = 15.0  # a log that nobody has read for longer may have lost something (20 s, N6705C)


@dataclass(frozen=True, slots=True)
class Reading:
    """A current in A that flowed at some moment between two, rig's seconds."""

    asked_s: float
    answered_s: float
    current_a: float

    @property
    def at_s(self) -> float:
        return (self.asked_s + self.answered_s) / 2

    @property
    def fed(self) -> bool:
        return self.current_a >= CURRENT_MIN_A


class Meter(Protocol):
    """What is needed of any supply."""

    def identity(self) -> str: ...
    def peek_current(self) -> float: ...


class Record(Protocol):
    """Successive currents."""

    @property
    def current_a(self) -> NDArray[np.float64]: ...
    @property
    def step_s(self) -> float: ...


@runtime_checkable
class Logger(Protocol):
    """What a supply can do that records its current without a pause."""

    def start_log(self) -> None: ...
    def read_log(self) -> Record: ...
    def stop_log(self) -> None: ...


class Currents(Protocol):
    """Where readings come from."""

    def read(self) -> Sequence[Reading]: ...
    def close(self) -> None: ...


class Polled:
    """One reading at a time: what lies between two of them is not seen."""

    def __init__(self, supply: Meter, clock: Clock) -> None:
        self._supply = supply
        self._clock = clock

    def read(self) -> Sequence[Reading]:
        asked_s = self._clock.now()
        current_a = self._supply.peek_current()
        return (Reading(asked_s, self._clock.now(), current_a),)

    def close(self) -> None:
        """There is nothing to end."""


class Logged:
    """Out of a log without gaps, in means over `MEAN_S`.

    The log has no clock of the rig's: its newest value ended just before it was fetched, so all of
    one fetch is known to the time that this took.  Of many values those are kept that tell when the
    current came and went.
    """

    def __init__(self, supply: Logger, clock: Clock) -> None:
        self._supply = supply
        self._clock = clock
        self._is_started = False  # some time, and may run still
        self._read_s: float | None = None  # when it was last read; None: it has to be started anew
        self._rest = np.empty(0)

    def read(self) -> Sequence[Reading]:
        """Return what is new; nothing when the log has to be started first, anew."""
        asked_s = self._clock.now()
        if self._read_s is None or asked_s - self._read_s > MEMORY_S:
            self._start()
            self._read_s = asked_s
            return ()
        self._read_s = None  # a log that failed is started anew
        record = self._supply.read_log()
        answered_s = self._clock.now()
        self._read_s = asked_s
        return self._thinned(record, asked_s, answered_s)

    def _start(self) -> None:
        self._read_s = None
        if self._is_started:
            self._supply.stop_log()
        self._is_started = True
        self._supply.start_log()
        self._rest = np.empty(0)

    def _thinned(self, record: Record, asked_s: float, answered_s: float) -> Sequence[Reading]:
        values_a = np.concatenate((self._rest, record.current_a))
        size = max(1, round(MEAN_S / record.step_s))
        number = values_a.size // size
        self._rest = values_a[number * size :]
        if not number:
            return ()
        means_a = values_a[: number * size].reshape(number, size).mean(axis=1)
        changes = np.flatnonzero(np.diff(means_a >= CURRENT_MIN_A))
        kept = np.unique(np.concatenate(([0, number - 1], changes, changes + 1)))
        # The newest value ended within a step of the fetch, or at it.
        rest_s = self._rest.size * record.step_s
        first_s, last_s = asked_s - record.step_s - rest_s, answered_s - rest_s
        mean_s = size * record.step_s
        return tuple(
            Reading(
                first_s - float(number - at) * mean_s,
                last_s - float(number - 1 - at) * mean_s,
                float(means_a[at]),
            )
            for at in kept
        )

    def close(self) -> None:
        if self._is_started:
            with contextlib.suppress(BenchError):  # a supply that does not answer logs to itself
                self._supply.stop_log()


def currents(supply: Meter, clock: Clock) -> Currents:
    """Return the readings of a supply, as fine as it can give them."""
    return Logged(supply, clock) if isinstance(supply, Logger) else Polled(supply, clock)
