# SPDX-License-Identifier: MIT
"""Keysight N6705C, a supply that also records its current fast enough to see a rail drop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rig.errors import InstrumentError, UsageError
from rig.instruments.blocks import read_block
from rig.instruments.link import send
from rig.instruments.supply import Accuracy, ScpiSupply

SWEEP_STEP_S = 20.48e-6  # shortest interval of one channel; others are whole multiples
SWEEP_POINTS = 65_536  # N6700 User's Guide p. 91
LOG_STEP_S = 102.4e-6  # shortest period, times the number of parameters (N6705C p. 211)
LOG_POINTS = 4096  # of one FETC:ELOG?


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRecord:
    """Successive currents, each the mean over `step_s`; `uncertainty_a` is of one value, 95 %."""

    current_a: NDArray[np.float64]
    step_s: float
    uncertainty_a: float
    source: str
    taken_at_s: float  # when the answer came, rig time

    def fell_below(self, current_a: float) -> float | None:
        """Return when the current first was below `current_a`, in seconds from the first value."""
        below = np.flatnonzero(self.current_a < current_a)
        return float(below[0]) * self.step_s if below.size else None


class KeysightN6705C(ScpiSupply):
    """One output of an N6705C.

    Source: N6700 User's Guide p. 91 and N6705C User's Guide p. 211 for the records; supply
    commands and register as the E36312A's, from memory, to be checked; accuracy of an N6781A
    module, from memory, to be checked against the module that is fitted.
    """

    MODEL = "N6705C"
    CHANNELS = (1, 2, 3, 4)
    VOLTAGE = Accuracy(0.00025, 0.0012)
    CURRENT = Accuracy(0.0003, 0.00025)

    def record(self, duration_s: float) -> CurrentRecord:
        """Record the current for `duration_s` from now on; the link waits that long.

        Raises:
            UsageError: the record does not fit at the shortest step; use the log.
        """
        points = round(duration_s / SWEEP_STEP_S)
        if not 1 <= points <= SWEEP_POINTS:
            raise UsageError(
                f"a record of {duration_s} s is outside {SWEEP_STEP_S * 1e6:.2f} µs …"
                f" {SWEEP_STEP_S * SWEEP_POINTS:.3f} s: use the log"
            )
        self._ready()
        send(
            self._link,
            "FORM REAL",  # float32 (N6705C p. 211)
            "FORM:BORD NORM",  # big-endian
            f"SENS:SWE:TINT {SWEEP_STEP_S:.5E},{self._at}",
            f"SENS:SWE:POIN {points},{self._at}",
        )
        current_a = read_block(self._link, f"MEAS:ARR:CURR? {self._at}", ">f4")
        if current_a.size != points:
            command, reply = f"MEAS:ARR:CURR? {self._at}", f"{current_a.size} of {points} values"
            raise InstrumentError(self._link.name, command=command, reply=reply)
        return self._record(current_a, SWEEP_STEP_S)

    def start_log(self) -> None:
        """Record the current without a pause; `read_log` must come within its 20 s of memory.

        As with `peek_current` it is left to others to find that the supply has restarted.
        """
        self.identity()
        send(
            self._link,
            "FORM REAL",
            "FORM:BORD NORM",
            f"SENS:ELOG:FUNC:CURR ON,{self._at}",
            f"SENS:ELOG:PER {LOG_STEP_S:.4E},{self._at}",
            f"TRIG:ELOG:SOUR IMM,{self._at}",
        )
        send(self._link, f"INIT:ELOG {self._at}")

    def read_log(self) -> CurrentRecord:
        """Return what was recorded since the last call, and ask nothing else."""
        parts: list[NDArray[np.float64]] = []
        while True:  # form of FETC:ELOG? as in public scripts
            part = read_block(self._link, f"FETC:ELOG? {LOG_POINTS},{self._at}", ">f4")
            parts.append(part)
            if part.size < LOG_POINTS:
                break
        return self._record(np.concatenate(parts), LOG_STEP_S)

    def stop_log(self) -> None:
        send(self._link, f"ABOR:ELOG {self._at}")

    def _record(self, current_a: NDArray[np.float64], step_s: float) -> CurrentRecord:
        if not bool(np.all(np.abs(current_a) < 9e37)):
            raise InstrumentError(self._link.name, command="record", reply="values that are none")
        largest_a = float(np.max(np.abs(current_a))) if current_a.size else 0.0
        return CurrentRecord(
            current_a=current_a,
            step_s=step_s,
            uncertainty_a=self.CURRENT.at(largest_a),
            source=self.identity(),
            taken_at_s=self._clock.now(),
        )
