# SPDX-License-Identifier: MIT
"""Rigol DS1000Z: time-out trigger, one silence a shot; LAN port 5555."""

import numpy as np

from rig.clock import Deadline
from rig.errors import BenchError
from rig.instruments.blocks import read_block
from rig.instruments.link import check_power, send
from rig.instruments.oscilloscope import LEVEL_V, POLL_S, GapSegment, Oscilloscope, Trace

BATCH = 250_000  # samples that one WAV:DATA? gives at most as BYTE (Programming Guide)
DEPTH = 1_200_000  # memory of one channel, one of the sizes that ACQ:MDEP takes
STATES = {"TD", "WAIT", "RUN", "AUTO", "STOP"}
TIMEOUT_MAX_S = 10.0  # TRIG:TIM:TIM 16 ns … 10 s (Programming Guide 2-183)


class RigolDS1000Z(Oscilloscope):
    """Channel 1 of a DS1000Z, with the time-out trigger option.

    The trigger fires in the silence, at its time-out.  The scope's own waveform recorder gives no
    time tag, so each shot is armed anew and tagged with the rig's clock when it is seen; silences
    that begin while a record is read are missed.  Sources: MSO1000Z/DS1000Z Programming Guide
    2-181 … 2-183 for the trigger; other commands from memory, to be checked.
    """

    MODELS = ("DS1054Z", "DS1074Z", "DS1104Z", "MSO1074Z", "MSO1104Z")
    TIME_BASE = 25e-6  # data sheet, from memory, to be checked

    _first_s: float | None = None

    def arm(self, period_s: float, longest_s: float) -> None:
        self._check_span(period_s, longest_s)
        self.identity()
        self._first_s = None
        send(
            self._link,
            "*RST;*CLS",
            ":CHAN1:DISP ON",
            ":CHAN1:PROB 1",
            ":CHAN1:SCAL 1",
            ":CHAN1:OFFS -1.65",
            ":RUN",  # the depth can be set while it runs only
            f":ACQ:MDEP {DEPTH}",
            f":TIM:MAIN:SCAL {_scale(longest_s):.3E}",
            f":TIM:MAIN:OFFS {4 * _scale(longest_s):.3E}",  # 1 of 12 divisions before the trigger
            ":TRIG:MODE TIM",  # 2-181
            ":TRIG:TIM:SOUR CHAN1",
            ":TRIG:TIM:SLOP POS",  # from a rising edge on: 2-182
            f":TRIG:TIM:TIM {2.5 * period_s:.4E}",  # 2-183
            f":TRIG:TIM:LEV {LEVEL_V}",
            ":TRIG:SWE SING",
        )
        self._single()

    def gaps(self, count: int, deadline: Deadline) -> tuple[GapSegment, ...]:
        """Return up to `count` silences; stops the scope when `deadline` passes first."""
        self._check_armed()
        found: list[GapSegment] = []
        while len(found) < count and self._triggered(deadline):
            seen_s = self._clock.now()
            self._first_s = seen_s if self._first_s is None else self._first_s
            found.append(self._segment(self._trace(), seen_s - self._first_s))
            if len(found) < count:
                self._single()
        self.stop()
        check_power(self._link)
        return tuple(found)

    def _triggered(self, deadline: Deadline) -> bool:
        while (state := self._link.query(":TRIG:STAT?").strip()) != "STOP":
            if state not in STATES:
                raise self._unexpected(":TRIG:STAT?", state)
            if deadline.passed:
                return False
            self._clock.sleep(min(POLL_S, deadline.left_s))
        return True

    def _trace(self) -> Trace:
        send(self._link, ":WAV:SOUR CHAN1", ":WAV:MODE RAW", ":WAV:FORM BYTE")
        reply = self._link.query(":WAV:PRE?")
        fields = reply.split(",")
        if len(fields) != 10:
            raise self._unexpected(":WAV:PRE?", reply)
        step_s, first_s, _, step_v, origin, reference = (float(field) for field in fields[4:])
        samples = int(float(fields[2]))
        if samples <= 0:
            raise BenchError(f"{self._link.name} has triggered but its memory is empty")
        parts = []
        for start in range(1, samples + 1, BATCH):
            stop = min(start + BATCH - 1, samples)
            send(self._link, f":WAV:STAR {start}", f":WAV:STOP {stop}")
            part = read_block(self._link, ":WAV:DATA?", ">u1")
            if part.size != stop - start + 1:
                raise self._unexpected(":WAV:DATA?", f"{part.size} of {stop - start + 1} samples")
            parts.append(part)
        raw = np.concatenate(parts)
        return Trace((raw - origin - reference) * step_v, step_s, first_s)


def _scale(longest_s: float) -> float:
    """Return seconds a division, of a 1-2-5 series, that shows `longest_s` after the trigger.

    The screen has 12 divisions, the trigger is two from its left end.
    """
    for exponent in range(-9, 3):
        for step in (1.0, 2.0, 5.0):
            if step * 10.0**exponent * 10 >= longest_s:
                return step * 10.0**exponent
    raise ValueError(longest_s)
