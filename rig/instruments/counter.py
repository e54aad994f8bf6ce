# SPDX-License-Identifier: MIT
"""Keysight 53230A in time-stamp mode: one stamp for each edge of the heartbeat."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rig.clock import Clock
from rig.errors import BenchError, InstrumentError
from rig.instruments.link import ScpiLink, identify, send, whole

READINGS_MAX = 1_000_000  # per INIT, and the size of the memory (Programmer's Reference p. 159)
READ_CHUNK = 100_000
OVERFLOWED = 1 << 14  # STAT:QUES:COND?, reading memory overflowed (Programmer's Reference p. 317)
PERIOD_MAX_S = 0.05  # of a heartbeat that is alive
SETUP = (  # User's Guide 53220-90001 pp. 87-88 and 240; Programmer's Reference p. 377
    "*RST;*CLS",
    "SYST:TIM INF",  # factory 1 s and non-volatile: a longer gap would come back as 9.91E37
    f"CONF:ARR:TST ({READINGS_MAX}),(@1)",
    "INP1:COUP DC",
    "INP1:IMP 1E6",
    "INP1:SLOP POS",
    "INP1:LEV:AUTO OFF",  # an automatic level hunts while the signal stops (p. 240)
    "INP1:LEV 1.65",  # half of 3.3 V
    "TST:RATE 1E6",  # more than the input's rate, so every edge is stamped (p. 88)
    "FORM:DATA REAL,64",
    "FORM:BORD NORM",  # big-endian
)


@dataclass(frozen=True, slots=True)
class Correlation:
    """Rig time is instrument time plus `offset_s`, wrong by `error_s` at most."""

    offset_s: float
    error_s: float


class Keysight53230A:
    """Input 1 of a 53230A, stamping rising edges without a pause.

    Its data are the times between successive edges (User's Guide p. 101 note 2), so reading them
    in the middle of a silence loses nothing: the silence is part of the next reading.
    Instrument time is counted from the first edge after `start`.
    """

    def __init__(self, link: ScpiLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._identity = ""
        self._elapsed_s = 0.0
        self.readings = 0  # since start
        self._began_s = math.nan
        self._offset_s = math.inf
        self._error_s = math.inf

    def identity(self) -> str:
        """Return the ``*IDN?`` answer, asked for once."""
        self._identity = self._identity or identify(self._link, "53230A")
        return self._identity

    def start(self) -> None:
        """Forget what was stamped and stamp from now on, up to READINGS_MAX edges."""
        send(self._link, *SETUP)
        self._elapsed_s = 0.0
        self.readings = 0
        self._offset_s = self._error_s = math.inf
        self._began_s = self._clock.now()
        send(self._link, "INIT")

    def stop(self) -> None:
        send(self._link, "ABOR")

    def drain(self) -> NDArray[np.float64]:
        """Read and return the stamps since the last call, in seconds of instrument time.

        Raises:
            InstrumentError: stamps were lost, or the answer makes no sense.
        """
        stamps: list[NDArray[np.float64]] = []
        while True:
            asked_s = self._clock.now()
            points = whole(self._link, "DATA:POIN?")
            answered_s = self._clock.now()
            if points <= 0:
                break
            count = min(points, READ_CHUNK)
            stamps.append(self._read(count))
            self._correlate(asked_s, answered_s)
            if count == points:
                break
        self._check_memory()
        return np.concatenate(stamps) if stamps else np.empty(0)

    def correlate(self) -> Correlation:
        """Map instrument time to the rig's clock; known once a live heartbeat was drained.

        The last edge in memory came before the answer to DATA:POIN?, and, while the heartbeat is
        alive, at most a period before the question: the same bracket as Cristian's (1989).

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

    def _read(self, count: int) -> NDArray[np.float64]:
        command = f"R? {count}"  # definite block, unlike READ? and FETC? (User's Guide p. 238)
        block = self._link.query_block(command)
        if len(block) % 8 or not block:
            raise InstrumentError(self._link.name, command=command, reply=f"{len(block)} bytes")
        intervals = np.frombuffer(block, dtype=">f8").astype(np.float64)
        first = self.readings == 0
        if first and intervals[0] >= 0.5 and intervals[0] == round(intervals[0]):
            intervals = intervals[1:] / intervals[0]  # the scale factor (User's Guide p. 88)
        if not bool(np.all((intervals > 0) & (intervals < 9e37))):
            bad = intervals[~((intervals > 0) & (intervals < 9e37))][:3]
            raise InstrumentError(self._link.name, command=command, reply=str(bad))
        stamps: NDArray[np.float64] = self._elapsed_s + np.cumsum(intervals)
        if first:
            stamps = np.concatenate(([0.0], stamps))
        self.readings += intervals.size
        self._elapsed_s = float(stamps[-1])
        return stamps

    def _correlate(self, asked_s: float, answered_s: float) -> None:
        offset_s = answered_s - self._elapsed_s
        if offset_s < self._offset_s:
            self._offset_s = offset_s
            self._error_s = answered_s - asked_s + PERIOD_MAX_S

    def _check_memory(self) -> None:
        condition = whole(self._link, "STAT:QUES:COND?")
        if condition & OVERFLOWED:
            raise InstrumentError(
                self._link.name, command="STAT:QUES:COND?", reply=f"{condition}: stamps were lost"
            )
        if self.readings >= READINGS_MAX:
            raise InstrumentError(
                self._link.name,
                command="DATA:POIN?",
                reply=f"{READINGS_MAX} stamps: it has stopped",
            )
