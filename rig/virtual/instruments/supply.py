# SPDX-License-Identifier: MIT
"""A supply after Keysight's E36312A: three outputs, the first feeds the board.

E36300 Series Programming Guide (E36311-90008): OUTPut, SOURce, MEASure, OUTPut:INHibit.
"""

from rig.virtual.board.power import Feed
from rig.virtual.instruments.outputs import Outputs
from rig.virtual.instruments.scpi import Instrument, ScpiError, command

INHIBIT_BIT = 1 << 9


class Supply(Instrument):
    """Its dialect; what the outputs do is in `outputs`."""

    identity = "Keysight Technologies,E36312A,MY00000001,2.1.0-1.0.4-1.12"
    MAX_V = {1: 6.18, 2: 25.75, 3: 25.75}  # noqa: RUF012 # never changed
    MAX_A = {1: 5.15, 2: 1.03, 3: 1.03}  # noqa: RUF012 # never changed

    def __init__(self, feed: Feed, *, noise: bool = True) -> None:
        super().__init__()
        self._feed = feed
        self.outputs = Outputs(feed, self.MAX_V, self.MAX_A, noise=noise)
        self._selected = 1

    def reset(self) -> None:
        self.outputs.reset()

    def channel(self, text: str | None) -> int:
        """Return the channel that a list ``(@1)`` or a name ``CH1`` means."""
        if text is None:
            return self._selected
        name = text.upper().strip("(@)").removeprefix("CH")
        if not name.isdigit() or int(name) not in self.MAX_V:
            raise ScpiError(-222, text)
        return int(name)

    @command("INSTrument[:SELect]")
    def _select(self, name: str) -> None:
        self._selected = self.channel(name)

    @command("OUTPut[:STATe]")
    def _switch(self, state: str, channels: str | None = None) -> None:
        self.outputs.switch(self.channel(channels), on=boolean(state))

    @command("OUTPut[:STATe]?")
    def _switched(self, channels: str | None = None) -> str:
        return str(int(self.outputs.is_on(self.channel(channels))))

    @command("OUTPut:PROTection:CLEar")
    def _clear_protection(self, channels: str | None = None) -> None:
        self.outputs.clear(self.channel(channels))

    @command("STATus:QUEStionable:INSTrument:ISUMmary#:CONDition?")
    def _condition(self, number: str) -> str:
        return str(INHIBIT_BIT if number == "1" and self._feed.inhibited else 0)

    @command("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]")
    def _set_volts(self, value: str, channels: str | None = None) -> None:
        self.outputs.program(self.channel(channels), volts=float(value))

    @command("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?")
    def _volts_set(self, channels: str | None = None) -> str:
        return f"{self.outputs.programmed(self.channel(channels))[0]:+.8E}"

    @command("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]")
    def _set_amperes(self, value: str, channels: str | None = None) -> None:
        self.outputs.program(self.channel(channels), amperes=float(value))

    @command("MEASure[:SCALar][:VOLTage][:DC]?")
    def _measure_volts(self, channels: str | None = None) -> str:
        return f"{self.outputs.volts(self.channel(channels)):+.8E}"

    @command("MEASure[:SCALar]:CURRent[:DC]?")
    def _measure_amperes(self, channels: str | None = None) -> str:
        return f"{self.outputs.amperes(self.channel(channels)):+.8E}"


def boolean(text: str) -> bool:
    """Read a SCPI boolean."""
    if text.upper() not in {"ON", "OFF", "1", "0"}:
        raise ScpiError(-224, text)
    return text.upper() in {"ON", "1"}
