# SPDX-License-Identifier: MIT
"""Keysight InfiniiVision 3000T X: pulse-width trigger, segmented memory, a time tag a segment."""

from rig.clock import Deadline
from rig.instruments.blocks import read_block
from rig.instruments.link import check_power, number, send, whole
from rig.instruments.oscilloscope import LEVEL_V, POLL_S, GapSegment, Oscilloscope, Trace

SEGMENTS_MAX = 100
RUNNING = 1 << 3  # OPER:COND?
POINTS = 100_000
PREAMBLE = (
    10  # format,type,points,count,xincrement,xorigin,xreference,yincrement,yorigin,yreference
)


class InfiniiVision(Oscilloscope):
    """Channel 1 of a 3000T X with segmented memory.

    The trigger fires at the end of a silence, so the record lies before it (TIM:REF RIGH): a
    board that is dead for good never triggers.  Source: command names and scripts of the public,
    no page of the Programmer's Guide at hand; to be checked.
    """

    MODELS = ("DSO-X 3024T", "DSO-X 3034T", "DSO-X 3054T", "MSO-X 3024T", "MSO-X 3034T")
    TIME_BASE = 1.6e-6  # new; data sheet, from memory, to be checked

    def arm(self, period_s: float, longest_s: float) -> None:
        self._check_span(period_s, longest_s)
        self.identity()
        send(
            self._link,
            "*RST;*CLS",
            ":CHAN1:DISP ON",
            ":CHAN1:SCAL 1",
            ":CHAN1:OFFS 1.65",
            ":TRIG:MODE GLIT",
            ":TRIG:GLIT:SOUR CHAN1",
            ":TRIG:GLIT:POL NEG",  # the line is low between pulses
            ":TRIG:GLIT:QUAL GRE",
            f":TRIG:GLIT:GRE {2.5 * period_s:.4E}",
            f":TRIG:GLIT:LEV {LEVEL_V}",
            ":TRIG:SWE NORM",
            f":TIM:RANG {longest_s / 0.8:.4E}",  # 90 % of it lie before the trigger
            ":TIM:REF RIGH",
            ":ACQ:MODE SEGM",
            f":ACQ:SEGM:COUN {SEGMENTS_MAX}",
        )
        self._single()

    def gaps(self, count: int, deadline: Deadline) -> tuple[GapSegment, ...]:
        """Return up to `count` silences; stops the scope when `deadline` passes first."""
        self._check_armed()
        while (found := whole(self._link, ":WAV:SEGM:COUN?")) < count and not deadline.passed:
            if not whole(self._link, ":OPER:COND?") & RUNNING:
                break
            self._clock.sleep(min(POLL_S, deadline.left_s))
        self.stop()
        check_power(self._link)  # one that restarted has no segments, which must not look like none
        return tuple(self._read(index) for index in range(1, min(found, count) + 1))

    def _read(self, index: int) -> GapSegment:
        send(self._link, f":ACQ:SEGM:IND {index}")
        at_s = number(self._link, ":WAV:SEGM:TTAG?")  # since the first trigger
        send(self._link, ":WAV:SOUR CHAN1", ":WAV:FORM BYTE", f":WAV:POIN {POINTS}")
        reply = self._link.query(":WAV:PRE?")
        fields = reply.split(",")
        if len(fields) != PREAMBLE:
            raise self._unexpected(":WAV:PRE?", reply)
        step_s, first_s, _, step_v, origin_v, reference = (float(field) for field in fields[4:])
        raw = read_block(self._link, ":WAV:DATA?", ">u1")
        if raw.size != int(float(fields[2])):
            raise self._unexpected(":WAV:DATA?", f"{raw.size} of {fields[2]} samples")
        volts = (raw - reference) * step_v + origin_v
        return self._segment(Trace(volts, step_s, first_s), at_s)
