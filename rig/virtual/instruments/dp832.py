# SPDX-License-Identifier: MIT
"""A supply after Rigol's DP832; DP800 Series Programming Guide pp. 2-6 and 2-9."""

from rig.virtual.board.power import Feed
from rig.virtual.instruments.outputs import Outputs
from rig.virtual.instruments.scpi import Instrument, ScpiError, command
from rig.virtual.instruments.supply import boolean

MAX_V = {1: 32.0, 2: 32.0, 3: 5.3}
MAX_A = {1: 3.2, 2: 3.2, 3: 3.2}
RATING = {1: "30V/3A", 2: "30V/3A", 3: "5V/3A"}


class Dp832(Instrument):
    """The first channel feeds the board; the interposer's cut shows as over-current."""

    identity = "RIGOL TECHNOLOGIES,DP832,DP8C000000001,00.01.16"

    def __init__(self, feed: Feed, *, noise: bool = True) -> None:
        super().__init__()
        self._feed = feed
        self.outputs = Outputs(feed, MAX_V, MAX_A, noise=noise)

    def reset(self) -> None:
        self.outputs.reset()

    @command("APPLy")
    def _apply(self, channel: str, volts: str, amperes: str) -> None:
        number = _channel(channel)
        self.outputs.program(number, volts=float(volts), amperes=float(amperes))

    @command("APPLy?")
    def _applied(self, channel: str) -> str:
        number = _channel(channel)
        volts, amperes = self.outputs.programmed(number)
        return f"CH{number}:{RATING[number]},{volts:.3f},{amperes:.3f}"

    @command("OUTPut[:STATe]")
    def _switch(self, channel: str, state: str) -> None:
        self.outputs.switch(_channel(channel), on=boolean(state))

    @command("OUTPut[:STATe]?")
    def _switched(self, channel: str) -> str:
        return "ON" if self.outputs.is_on(_channel(channel)) else "OFF"

    @command("OUTPut:OVP:QUES?")
    def _over_voltage(self, channel: str) -> str:
        _channel(channel)
        return "NO"

    @command("OUTPut:OCP:QUES?")
    def _over_current(self, channel: str) -> str:
        return "YES" if _channel(channel) == 1 and self._feed.inhibited else "NO"

    @command("OUTPut:OVP:CLEAR")
    def _clear_over_voltage(self, channel: str) -> None:
        _channel(channel)

    @command("OUTPut:OCP:CLEAR")
    def _clear_over_current(self, channel: str) -> None:
        self.outputs.clear(_channel(channel))

    @command("MEASure[:SCALar][:VOLTage][:DC]?")
    def _measure_volts(self, channel: str) -> str:
        return f"{self.outputs.volts(_channel(channel)):.4f}"

    @command("MEASure[:SCALar]:CURRent[:DC]?")
    def _measure_amperes(self, channel: str) -> str:
        return f"{self.outputs.amperes(_channel(channel)):.4f}"


def _channel(name: str) -> int:
    if name.upper() not in {"CH1", "CH2", "CH3"}:
        raise ScpiError(-224, name)
    return int(name[2])
