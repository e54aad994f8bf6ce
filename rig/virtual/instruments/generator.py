# SPDX-License-Identifier: MIT
"""A generator after Keysight's 33500B: bursts of pulses, started by its own timer."""

import itertools
from collections.abc import Iterator

from rig.virtual.instruments.scpi import Instrument, ScpiError, command
from rig.virtual.instruments.supply import boolean

REPEAT_MAX_S = 8000.0
CYCLES_MAX = 100_000_000


class Generator(Instrument):
    """`edges` are the rising edges of its output since it was switched on."""

    identity = "Agilent Technologies,33522B,MY00000005,4.00-1.19-2.00-58-00"

    def __init__(self, time_base: float = 0.0) -> None:
        super().__init__()
        self._time_base = time_base  # relative error of its crystal
        self.reset()

    def reset(self) -> None:
        self._function = "SIN"
        self._period_s, self._width_s = 1e-3, 1e-4
        self._cycles, self._repeat_s = 1, 0.01
        self._burst = self._on = False

    def edges(self) -> Iterator[float]:
        """Give the rising edges in seconds, for ever; none when it is off."""
        if not self._on or self._function != "PULS":
            return
        scale = 1 + self._time_base
        if not self._burst:
            yield from (number * self._period_s * scale for number in itertools.count())
        for burst in itertools.count():
            for cycle in range(self._cycles):
                yield (burst * self._repeat_s + cycle * self._period_s) * scale

    @command("OUTPut#:LOAD")
    def _load(self, _channel: str, value: str) -> None:
        if value.upper() not in {"INF", "INFINITY"}:
            float(value)

    @command("[:SOURce#]:FUNCtion")
    def _set_function(self, _channel: str, name: str) -> None:
        if name.upper() not in {"SIN", "SQU", "PULS", "PULSE"}:
            raise ScpiError(-224, name)
        self._function = name.upper()[:4]

    @command("[:SOURce#]:FUNCtion:PULSe:PERiod")
    def _set_period(self, _channel: str, value: str) -> None:
        if not 33e-9 <= float(value) <= 1e6:
            raise ScpiError(-222, value)
        self._period_s = float(value)
        self._width_s = min(self._width_s, self._period_s / 2)

    @command("[:SOURce#]:FUNCtion:PULSe:PERiod?")
    def _period_is(self, _channel: str) -> str:
        return f"{self._period_s:+.15E}"

    @command("[:SOURce#]:FUNCtion:PULSe:WIDTh")
    def _set_width(self, _channel: str, value: str) -> None:
        if not 16e-9 <= float(value) < self._period_s:
            raise ScpiError(-222, value)
        self._width_s = float(value)

    @command("[:SOURce#]:VOLTage:LOW")
    def _low(self, _channel: str, value: str) -> None:
        float(value)

    @command("[:SOURce#]:VOLTage:HIGH")
    def _high(self, _channel: str, value: str) -> None:
        if not -10.0 <= float(value) <= 10.0:
            raise ScpiError(-222, value)

    @command("[:SOURce#]:BURSt:MODE")
    def _mode(self, _channel: str, mode: str) -> None:
        if mode.upper() not in {"TRIG", "TRIGGERED"}:
            raise ScpiError(-224, mode)

    @command("[:SOURce#]:BURSt:NCYCles")
    def _set_cycles(self, _channel: str, value: str) -> None:
        if not 1 <= int(value) <= CYCLES_MAX:
            raise ScpiError(-222, value)
        self._cycles = int(value)

    @command("[:SOURce#]:BURSt:NCYCles?")
    def _cycles_are(self, _channel: str) -> str:
        return f"{self._cycles:+.15E}"

    @command("[:SOURce#]:BURSt:INTernal:PERiod")
    def _set_repeat(self, _channel: str, value: str) -> None:
        if not self._cycles * self._period_s < float(value) <= REPEAT_MAX_S:
            raise ScpiError(-222, value)
        self._repeat_s = float(value)

    @command("[:SOURce#]:BURSt:INTernal:PERiod?")
    def _repeat_is(self, _channel: str) -> str:
        return f"{self._repeat_s:+.15E}"

    @command("TRIGger#:SOURce")
    def _source(self, _channel: str, source: str) -> None:
        if source.upper() not in {"IMM", "IMMEDIATE"}:
            raise ScpiError(-224, source)

    @command("[:SOURce#]:BURSt[:STATe]")
    def _set_burst(self, _channel: str, state: str) -> None:
        self._burst = boolean(state)

    @command("OUTPut#[:STATe]")
    def _switch(self, _channel: str, state: str) -> None:
        self._on = boolean(state)

    @command("OUTPut#[:STATe]?")
    def _switched(self, _channel: str) -> str:
        return str(int(self._on))
