# SPDX-License-Identifier: MIT
"""Keysight 53230A in time-stamp mode: one stamp for each edge of the heartbeat."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rig.errors import InstrumentError
from rig.instruments.edges import PERIOD_MAX_S, TRIGGER_S, Correlation, EdgeCounter
from rig.instruments.link import whole
from rig.measure.uncertainty import Stamps

__all__ = ["PERIOD_MAX_S", "Correlation", "Keysight53230A"]

READINGS_MAX = 1_000_000  # per INIT, and the size of the memory (Programmer's Reference p. 159)
READ_CHUNK = 100_000
OVERFLOWED = 1 << 14  # STAT:QUES:COND?, reading memory overflowed (Programmer's Reference p. 317)


class Keysight53230A(EdgeCounter):
    """Input 1 of a 53230A, stamping rising edges without a pause.

    Its data are the times between successive edges (User's Guide p. 101 note 2), so reading them
    in the middle of a silence loses nothing: the silence is part of the next reading.
    Instrument time is counted from the first edge after `start`.
    """

    MODEL = "53230A"
    READINGS_MAX = READINGS_MAX
    # 20 ps single shot (p. 159); ordinary time base, a year after calibration: from memory
    STAMPS = Stamps(resolution_s=20e-12, trigger_s=TRIGGER_S, time_base=1e-6)
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

    def _parts(self) -> Iterator[NDArray[np.float64]]:
        while True:
            asked_s = self._clock.now()
            points = whole(self._link, "DATA:POIN?")
            answered_s = self._clock.now()
            if points <= 0:
                return
            count = min(points, READ_CHUNK)
            with self._spoiling():  # R? reads and erases
                stamps = self._read(count)
            self._bracket(float(stamps[-1]), asked_s, answered_s)
            yield stamps
            if count == points:
                return

    def _read(self, count: int) -> NDArray[np.float64]:
        command = f"R? {count}"  # definite block, unlike READ? and FETC? (User's Guide p. 238)
        block = self._link.query_block(command)
        if len(block) % 8 or not block:
            raise InstrumentError(self._link.name, command=command, reply=f"{len(block)} bytes")
        intervals = np.frombuffer(block, dtype=">f8").astype(np.float64)
        first = self._last_s is None
        if first and 0.5 <= intervals[0] < 9e37 and intervals[0] == round(intervals[0]):
            intervals = intervals[1:] / intervals[0]  # the scale factor (User's Guide p. 88)
        if not bool(np.all((intervals > 0) & (intervals < 9e37))):
            bad = intervals[~((intervals > 0) & (intervals < 9e37))][:3]
            raise InstrumentError(self._link.name, command=command, reply=str(bad))
        stamps: NDArray[np.float64] = (self._last_s or 0.0) + np.cumsum(intervals)
        if first:
            stamps = np.concatenate(([0.0], stamps))
        self.readings += intervals.size
        return stamps

    def _check_memory(self) -> None:
        condition = whole(self._link, "STAT:QUES:COND?")
        if condition & OVERFLOWED:
            self._spoilt = f"{condition}: stamps were lost"
            raise InstrumentError(self._link.name, command="STAT:QUES:COND?", reply=self._spoilt)
        super()._check_memory()
