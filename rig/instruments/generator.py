# SPDX-License-Identifier: MIT
"""Keysight 33500B: a heartbeat that stops for a known time, the reference of a real bench."""

import math
from dataclasses import dataclass

from rig.clock import Clock
from rig.errors import InstrumentError, UsageError
from rig.instruments.link import ScpiLink, check_power, identify, number, send, whole
from rig.measure.measurement import Measurement

GAP_MIN_S = 2e-3
REPEAT_MAX_S = 8000.0  # BURS:INT:PER, 33500 Series Operating and Service Guide, p. 177
BEATS_MIN, BEATS_MAX = 2, 100_000_000  # BURS:NCYC, from memory, to be checked
TIME_BASE = 2e-6  # 1 year, ordinary crystal; data sheet, from memory, to be checked
EDGE_S = 8e-9  # one tick of trigger timer and of its synchroniser, from memory, to be checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What the generator is set to: `beats` pulses, then a silence of `gap`, again and again."""

    gap: Measurement  # from the last rising edge to the next
    beats: int
    period_s: float
    repeat_s: float


class Keysight33500B:
    """Channel 1 of a 33500B as the heartbeat, 3.3 V into a high impedance.

    A burst of N pulses is started by the generator's own timer every T seconds, so its crystal
    alone makes the silence: G = T - (N - 1)·P, and no command's latency is part of it.  A gate
    signal would not do: a gated burst always finishes its last cycle, so G would be known to a
    period only.  Source: 33500 Series Operating and Service Guide, SCPI reference (FUNCtion,
    BURSt, TRIGger); names found in public scripts, pages to be checked.
    """

    MODELS = ("33509B", "33510B", "33511B", "33512B", "33519B", "33520B", "33521B", "33522B")

    def __init__(self, link: ScpiLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._identity = ""

    def identity(self) -> str:
        """Return the ``*IDN?`` answer, asked for once."""
        self._identity = self._identity or identify(self._link, *self.MODELS)
        return self._identity

    def interrupt_after(self, gap_s: float, *, beats: int = 1000, period_s: float = 1e-3) -> Burst:
        """Start a heartbeat with a silence of `gap_s` after every `beats` pulses.

        Raises:
            UsageError: it cannot make that silence.
            InstrumentError: it does something else than it was told.
        """
        if not BEATS_MIN <= beats <= BEATS_MAX:
            raise UsageError(f"{beats} pulses are outside {BEATS_MIN} … {BEATS_MAX}")
        repeat_s = (beats - 1) * period_s + gap_s
        if not (gap_s >= GAP_MIN_S and gap_s > period_s and repeat_s <= REPEAT_MAX_S):
            raise UsageError(
                f"a silence of {gap_s} s is shorter than {GAP_MIN_S} s, no longer than the period"
                f" of {period_s} s, or makes a burst period of more than {REPEAT_MAX_S:.0f} s"
            )
        self.identity()
        send(
            self._link,
            "*RST;*CLS",
            "OUTP1:LOAD INF",
            "SOUR1:FUNC PULS",
            f"SOUR1:FUNC:PULS:PER {period_s:.12E}",
            f"SOUR1:FUNC:PULS:WIDT {period_s / 10:.6E}",
            "SOUR1:VOLT:LOW 0",
            "SOUR1:VOLT:HIGH 3.3",
            "SOUR1:BURS:MODE TRIG",
            f"SOUR1:BURS:NCYC {beats}",
            f"SOUR1:BURS:INT:PER {repeat_s:.12E}",
            "TRIG1:SOUR IMM",  # the timer, BURS:INT:PER
            "SOUR1:BURS:STAT ON",
            "OUTP1 ON",
        )
        return self._read_back(gap_s)

    def check(self) -> None:
        """Make sure that it still does what `interrupt_after` told it.

        Raises:
            InstrumentError: it has restarted, or its output is off (an overload switches it off).
        """
        check_power(self._link)
        if whole(self._link, "OUTP1?") != 1:
            raise InstrumentError(self._link.name, command="OUTP1?", reply="0: it is off")

    def steady(self) -> None:
        """Start a heartbeat without any silence again, for the no-event floor."""
        send(self._link, "SOUR1:BURS:STAT OFF")

    def stop(self) -> None:
        send(self._link, "OUTP1 OFF")

    def _read_back(self, gap_s: float) -> Burst:
        """Judge by what it says it does: it rounds what it cannot set."""
        beats = whole(self._link, "SOUR1:BURS:NCYC?")
        period_s = number(self._link, "SOUR1:FUNC:PULS:PER?")
        repeat_s = number(self._link, "SOUR1:BURS:INT:PER?")
        made_s = repeat_s - (beats - 1) * period_s
        if abs(made_s - gap_s) > 1e-6 + TIME_BASE * gap_s:
            command, reply = "SOUR1:BURS:INT:PER?", f"a silence of {made_s} s, not of {gap_s} s"
            raise InstrumentError(self._link.name, command=command, reply=reply)
        self.check()
        gap = Measurement(
            name="reference.gap",
            value=made_s,
            unit="s",
            uncertainty=uncertainty_s(made_s, repeat_s),
            source=self.identity(),
            taken_at_s=self._clock.now(),
            method="burst of N pulses every T: G = T - (N - 1)·P, of one time base",
        )
        return Burst(gap=gap, beats=beats, period_s=period_s, repeat_s=repeat_s)


def uncertainty_s(gap_s: float, repeat_s: float) -> float:
    """Return the half-width at 95 % of a silence of `gap_s`, in seconds.

    T and P come from one crystal, so its error scales the silence alone, not T; rectangular
    (GUM 4.3.7).  To that comes a tick at the start of each burst, and the twelve digits in which T
    is read back.
    """
    doubts = (
        TIME_BASE * gap_s / math.sqrt(3),
        EDGE_S / math.sqrt(3),
        0.29 * 1e-12 * repeat_s,  # GUM F.2.2.1
    )
    return 2 * math.hypot(*doubts)
