# SPDX-License-Identifier: MIT
"""What all counters of heartbeats share: order of the stamps, clock correlation, lost stamps."""

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rig.clock import Clock
from rig.errors import BenchError, InstrumentError
from rig.instruments.link import ScpiLink, check_power, identify, send
from rig.measure.uncertainty import Stamps

PERIOD_MAX_S = 0.05  # of a heartbeat that is alive
# Half of what an edge of the line's driver may take; the level is somewhere on it.  From memory
# (RS-232 asks for 3 V/µs at least), to be checked with a scope.
TRIGGER_S = 1e-6


@dataclass(frozen=True, slots=True)
class Correlation:
    """Rig time is instrument time plus `offset_s`, wrong by `error_s` at most."""

    offset_s: float
    error_s: float


class EdgeCounter(ABC):
    """One input that stamps rising edges; a subclass says with which commands.

    Instrument time is the counter's own: its zero means nothing.  Stamps that were erased by a
    read that failed are lost for good, and a gap in the stamps would look like an outage: after
    that, and after a restart, every `drain` fails until the next `start`.
    """

    MODEL = ""  # second field of *IDN?
    SETUP: tuple[str, ...] = ()
    READINGS_MAX = 0  # of one run
    STAMPS: Stamps

    def __init__(self, link: ScpiLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._identity = ""
        self.readings = 0  # since start
        self._last_s: float | None = None
        self._began_s = math.nan
        self._offset_s = math.inf
        self._error_s = math.inf
        self._spoilt = ""
        self._failed = False  # the last drain
        self._kept: list[NDArray[np.float64]] = []

    def identity(self) -> str:
        """Return the ``*IDN?`` answer, asked for once."""
        self._identity = self._identity or identify(self._link, self.MODEL)
        return self._identity

    def start(self) -> None:
        """Forget what was stamped and stamp from now on, up to READINGS_MAX edges."""
        self.identity()  # these commands are for no other model
        send(self._link, *self.SETUP)
        self.readings = 0
        self._last_s = None
        self._offset_s = self._error_s = math.inf
        self._spoilt = ""
        self._failed = False
        self._kept = []
        self._began_s = self._clock.now()
        send(self._link, "INIT")

    def stop(self) -> None:
        """Stamp no more; when the last `drain` failed, that was the news and this is not."""
        if not self._failed:
            send(self._link, "ABOR")
            return
        with contextlib.suppress(BenchError):
            self._link.write("ABOR")

    def drain(self) -> NDArray[np.float64]:
        """Read and return the stamps since the last call, in seconds of instrument time.

        Raises:
            InstrumentError: stamps were lost, the instrument restarted, or makes no sense.
        """
        self._failed = True
        if self._spoilt:
            raise InstrumentError(self._link.name, command="drain", reply=self._spoilt)
        self._check_power()
        for part in self._parts():  # kept until handed over: a later question may fail
            self._kept.append(self._in_order(part))
        self._check_memory()
        kept, self._kept, self._failed = self._kept, [], False
        return np.concatenate(kept) if kept else np.empty(0)

    def correlate(self) -> Correlation:
        """Map instrument time to the rig's clock; known once a live heartbeat was drained.

        Raises:
            BenchError: there was no edge yet.
        """
        if not math.isfinite(self._offset_s):
            waited_s = self._clock.now() - self._began_s
            raise BenchError(
                f"{self._link.name} saw no heartbeat in {waited_s:.1f} s: look at the cable from"
                " the board's second serial line to input 1, and whether the board is up"
            )
        return Correlation(self._offset_s, self._error_s)

    @abstractmethod
    def _parts(self) -> Iterator[NDArray[np.float64]]:
        """Give what is in the memory now, part by part, in seconds of instrument time."""

    def _check_memory(self) -> None:
        """Raise InstrumentError when stamps are or may be lost."""
        if self.readings >= self.READINGS_MAX:
            raise InstrumentError(
                self._link.name, command="drain", reply=f"{self.readings} stamps: it has stopped"
            )

    def _check_power(self) -> None:
        with self._spoiling(restart=True):
            check_power(self._link)

    @contextlib.contextmanager
    def _spoiling(self, *, restart: bool = False) -> Iterator[None]:
        """Remember a failure after which the stamps are no longer whole."""
        try:
            yield
        except InstrumentError as error:
            if not restart or "restarted" in error.reply:
                self._spoilt = f"{error.reply}: stamps were lost, start anew"
            raise

    def _in_order(self, stamps: NDArray[np.float64]) -> NDArray[np.float64]:
        previous = stamps if self._last_s is None else np.concatenate(([self._last_s], stamps))
        if not bool(np.all(np.diff(previous) > 0)):
            self._spoilt = "the stamps went back in time"
            raise InstrumentError(self._link.name, command="drain", reply=self._spoilt)
        self._last_s = float(stamps[-1])
        return stamps

    def _bracket(self, last_s: float, asked_s: float, answered_s: float) -> None:
        """Take the last edge in the memory as a bracket of the clocks.

        It came before the answer that says how many there are, and, while the heartbeat is
        alive, at most a period before the question: the same bracket as Cristian's (1989).
        """
        offset_s = answered_s - last_s
        if offset_s < self._offset_s:
            self._offset_s = offset_s
            self._error_s = answered_s - asked_s + PERIOD_MAX_S
