# SPDX-License-Identifier: MIT
"""Pendulum's counters: stamps on the counter's own time scale, with a number beside each.

Sources: CNT-90 Series Programmer's Handbook (CNT-91), chapter 8; Programmer's Handbook of
CNT-102/104S/104R at manuals.pendulum-instruments.com.  No real one has been asked yet.
"""

import math
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rig.errors import InstrumentError
from rig.instruments.edges import TRIGGER_S, EdgeCounter
from rig.instruments.link import whole
from rig.measure.uncertainty import Stamps

PAIR = np.dtype([("value", ">f8"), ("stamp_ps", ">i8")])  # FORM PACK, FORM:TINF ON (p. 8-39)
FETCH_MAX = 10_000  # samples that one FETC:ARR? gives at most (p. 8-36)
STALE = -230  # no new sample since the last fetch (p. 8-36 note 1)


class Pendulum(EdgeCounter):
    """What the two models have in common: the packed format."""

    FETCH = ""

    def _parts(self) -> Iterator[NDArray[np.float64]]:
        while True:
            asked_s = self._clock.now()
            with self._spoiling():  # what was fetched is not given again
                pairs = self._fetch()
            answered_s = self._clock.now()
            if not pairs.size:
                return
            stamps = pairs["stamp_ps"].astype(np.float64) * 1e-12
            if pairs.size < FETCH_MAX:  # of a full answer the last edge may be an old one
                self._bracket(float(stamps[-1]), asked_s, answered_s)
            self.readings += pairs.size
            yield stamps
            if pairs.size < FETCH_MAX or self.readings >= self.READINGS_MAX:
                return  # a finished measurement would be given again from its beginning (p. 8-36)

    def _fetch(self) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        block = self._link.query_block(self.FETCH)
        if len(block) == 8 and math.isnan(struct.unpack(">d", block)[0]):
            self._check_stale()
            return np.empty(0, PAIR)
        if len(block) % PAIR.itemsize or not block:
            reply = f"{len(block)} bytes, not pairs of value and stamp"
            raise InstrumentError(self._link.name, command=self.FETCH, reply=reply)
        pairs = np.frombuffer(block, dtype=PAIR)
        self._check_values(pairs["value"])
        return pairs

    def _check_stale(self) -> None:
        """Take the "no new sample" that is no error as such out of the error queue."""
        reply = self._link.query("SYST:ERR?")
        code = reply.partition(",")[0]
        if code.lstrip("+") not in {"0", str(STALE)}:
            raise InstrumentError(self._link.name, command=self.FETCH, reply=reply)

    def _check_values(self, values: NDArray[np.float64]) -> None:
        """Make sure that no edge passed between two stamps."""


class Cnt91(Pendulum):
    """Input A of a CNT-91, single time stamps.

    Not gap-free: up to 4 µs after a stamp are blind, but the number of edges that passed comes
    with each stamp (p. 8-72), so an edge that went unseen is noticed and refused.  Do not use
    ``MEAS:ARR:TSTA?``, whose groups of four have a longer pause (p. 8-73).  It holds few stamps:
    at 1 kHz a run is half a minute.
    """

    MODEL = "CNT-91"
    # 50 ps single shot; time base: both from memory, to be checked
    STAMPS = Stamps(resolution_s=50e-12, trigger_s=TRIGGER_S, time_base=1e-6)
    READINGS_MAX = 32_000  # User's Manual 8-38 by way of pymeasure; to be checked
    FETCH = "FETC:ARR? MAX"  # p. 8-33
    SETUP = (
        "*RST;*CLS",
        "CONF:ARR:STST (32000),(@1)",  # p. 8-72
        "INIT:CONT OFF",  # in pymeasure's driver
        "INP1:COUP DC",  # inputs: from memory, to be checked
        "INP1:IMP 1E6",
        "INP1:SLOP POS",
        "INP1:LEV:AUTO OFF",  # a public driver sends it
        "INP1:LEV 1.65",  # half of 3.3 V; a public driver sends it
        "FORM PACK",  # p. 8-39
        "FORM:BORD NORM",  # p. 8-39
        "FORM:TINF ON",  # p. 8-40
    )

    def start(self) -> None:
        self._passed = math.nan
        super().start()

    def _check_values(self, values: NDArray[np.float64]) -> None:
        steps = np.diff(np.concatenate(([self._passed], values)))
        if not bool(np.all((steps == 1) | np.isnan(steps))):
            reply = f"edges that were not stamped: the number of edges steps by {np.nanmax(steps)}"
            raise InstrumentError(self._link.name, command=self.FETCH, reply=reply)
        self._passed = float(values[-1])


class Cnt104S(Pendulum):
    """Input A of a CNT-104S, gap-free down to 50 ns between edges, 32 million stamps.

    Its *ESR? has no power-on bit (Programmer's Handbook, *ESE), so a mask that ``*ESE`` sets and
    only a restart clears tells whether it still is where `start` left it.
    """

    MODEL = "CNT-104S"
    # 7 ps (User's Manual, Sample interval); time base from memory, to be checked
    STAMPS = Stamps(resolution_s=7e-12, trigger_s=TRIGGER_S, time_base=1e-6)
    READINGS_MAX = 32_000_000  # results with 12.5 MSa/s (User's Manual, Sample interval)
    FETCH = "FETC:ARR? MAX, A"  # Programmer's Handbook, Syntax of Program Messages
    MARK = 1  # *ESE, bit 0 is the only one in use
    SETUP = (
        "*RST;*CLS",
        f"*ESE {MARK}",
        # SYST:CONF "Name=value" is the handbook's; these names are from memory, to be checked.
        'SYST:CONF "Function=Timestamp A;SampleCount=32000000;SampleInterval=50ns"',
        'SYST:CONF "ImpedanceA=1MOhm;CouplingA=DC;TriggerModeA=Manual;AbsoluteTriggerLevelA=1.65"',
        "FORM PACK",  # as the CNT-91's, from memory, to be checked
        "FORM:BORD NORM",
        "FORM:TINF ON",
    )

    def _check_power(self) -> None:
        with self._spoiling(restart=True):
            if (mask := whole(self._link, "*ESE?")) != self.MARK:
                reply = f"{mask}, not {self.MARK}: it has restarted and lost its settings"
                raise InstrumentError(self._link.name, command="*ESE?", reply=reply)
