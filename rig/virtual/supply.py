# SPDX-License-Identifier: MIT
"""A supply after Keysight's E36312A: three outputs, the first feeds the board.

E36300 Series Programming Guide (E36311-90008): OUTPut, SOURce, MEASure, OUTPut:INHibit.
"""

from typing import TYPE_CHECKING

from rig.virtual.power import Feed
from rig.virtual.scpi import Instrument, ScpiError, command

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_V = {1: 6.18, 2: 25.75, 3: 25.75}
INHIBIT_BIT = 1 << 9


class Supply(Instrument):
    """`load_a` says what the board draws from the first output."""

    identity = "Keysight Technologies,E36312A,MY00000001,2.1.0-1.0.4-1.12"

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        self.load_a: Callable[[], float] = _nothing
        self._volts = {1: 5.0, 2: 0.0, 3: 0.0}
        self._amperes = {1: 5.0, 2: 1.0, 3: 1.0}
        self._on = {2: False, 3: False}
        self._selected = 1

    def reset(self) -> None:
        self._volts = {1: 0.0, 2: 0.0, 3: 0.0}
        self._on = {2: False, 3: False}
        self._feed.switch(output=False, volts=0.0)

    def _channel(self, text: str | None) -> int:
        if text is None:
            return self._selected
        name = text.upper().strip("(@)")
        channel = {"1": 1, "2": 2, "3": 3, "CH1": 1, "CH2": 2, "CH3": 3}.get(name)
        if channel is None:
            raise ScpiError(-222, text)
        return channel

    def _output(self, channel: int) -> bool:
        if channel == 1:
            return self._feed.output and not self._feed.inhibited
        return self._on[channel]

    @command("INSTrument[:SELect]")
    def _select(self, name: str) -> None:
        self._selected = self._channel(name)

    @command("OUTPut[:STATe]")
    def _switch(self, state: str, channels: str | None = None) -> None:
        number = self._channel(channels)
        if state.upper() not in {"ON", "OFF", "1", "0"}:
            raise ScpiError(-224, state)
        on = state.upper() in {"ON", "1"}
        if number == 1:
            if on and self._feed.inhibited:
                raise ScpiError(-221, "output is inhibited; OUTP:PROT:CLE first")
            self._feed.switch(output=on)
        else:
            self._on[number] = on

    @command("OUTPut[:STATe]?")
    def _switched(self, channels: str | None = None) -> str:
        return str(int(self._output(self._channel(channels))))

    @command("OUTPut:PROTection:CLEar")
    def _clear_protection(self, channels: str | None = None) -> None:
        if self._channel(channels) == 1:
            # As the instrument does it: the output stays off until it is switched on.
            self._feed.switch(output=False if self._feed.inhibited else None, inhibited=False)

    @command("STATus:QUEStionable:INSTrument:ISUMmary#:CONDition?")
    def _condition(self, number: str) -> str:
        return str(INHIBIT_BIT if number == "1" and self._feed.inhibited else 0)

    @command("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]")
    def _set_volts(self, value: str, channels: str | None = None) -> None:
        number, volts = self._channel(channels), float(value)
        if not 0 <= volts <= MAX_V[number]:
            raise ScpiError(-222, value)
        self._volts[number] = volts
        if number == 1:
            self._feed.switch(volts=volts)

    @command("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?")
    def _volts_set(self, channels: str | None = None) -> str:
        return f"{self._volts[self._channel(channels)]:+.8E}"

    @command("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]")
    def _set_amperes(self, value: str, channels: str | None = None) -> None:
        number, amperes = self._channel(channels), float(value)
        if not 0 <= amperes <= 5.15:
            raise ScpiError(-222, value)
        self._amperes[number] = amperes

    @command("MEASure[:SCALar][:VOLTage][:DC]?")
    def _measure_volts(self, channels: str | None = None) -> str:
        number = self._channel(channels)
        return f"{self._volts[number] if self._output(number) else 0.0:+.8E}"

    @command("MEASure[:SCALar]:CURRent[:DC]?")
    def _measure_amperes(self, channels: str | None = None) -> str:
        number = self._channel(channels)
        amperes = 0.0
        if number == 1 and self._feed.powered:
            amperes = self.load_a()
        return f"{amperes:+.8E}"


def _nothing() -> float:
    return 0.0
