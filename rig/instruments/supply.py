# SPDX-License-Identifier: MIT
"""Keysight E36312A, the bench supply that feeds the board."""

from rig.clock import Clock
from rig.errors import InstrumentError, UsageError
from rig.instruments.link import ScpiLink, identify, number, send, whole
from rig.measure import Measurement


class KeysightE36312A:
    """One channel of an E36312A.

    Source: Keysight E36300 Series Programming Guide (E36311-90008) for the commands; E36312A data
    sheet for the accuracy of the read-back at 23 ± 5 °C.
    """

    VOLTAGE_MAX_V = 5.5  # not the instrument's limit: a 5 V board's
    VOLTAGE_ACCURACY, VOLTAGE_ACCURACY_V = 0.0004, 0.005
    CURRENT_ACCURACY, CURRENT_ACCURACY_A = 0.0004, 0.010

    def __init__(self, link: ScpiLink, clock: Clock, channel: int = 1) -> None:
        if channel not in (1, 2, 3):
            raise UsageError(f"an E36312A has channels 1, 2 and 3, not {channel}")
        self._link = link
        self._clock = clock
        self._at = f"(@{channel})"
        self._channel = channel
        self._identity = ""

    def identity(self) -> str:
        """Return the ``*IDN?`` answer, asked for once."""
        self._identity = self._identity or identify(self._link, "E36312A")
        return self._identity

    def output(self, on: bool) -> None:
        """Switch the output and read it back.

        Raises:
            InstrumentError: the supply does not do it; a latched inhibit keeps it off.
        """
        send(self._link, f"OUTP {'ON' if on else 'OFF'},{self._at}")
        if (reply := whole(self._link, f"OUTP? {self._at}")) != int(on):
            raise InstrumentError(self._link.name, command=f"OUTP? {self._at}", reply=str(reply))

    def is_on(self) -> bool:
        return whole(self._link, f"OUTP? {self._at}") == 1

    def set_voltage(self, voltage_v: float) -> None:
        """Set the output voltage.

        Raises:
            UsageError: `voltage_v` would harm the board; it is never clipped silently.
        """
        if not 0.0 <= voltage_v <= self.VOLTAGE_MAX_V:
            raise UsageError(f"{voltage_v} V is outside 0 … {self.VOLTAGE_MAX_V} V")
        send(self._link, f"VOLT {voltage_v:.3f},{self._at}")

    def voltage(self) -> Measurement:
        """Measure the output voltage."""
        value = number(self._link, f"MEAS:VOLT? {self._at}")
        doubt = self.VOLTAGE_ACCURACY * abs(value) + self.VOLTAGE_ACCURACY_V
        return self._measured("supply.voltage", value, "V", doubt)

    def current(self) -> Measurement:
        """Measure the output current."""
        value = number(self._link, f"MEAS:CURR? {self._at}")
        doubt = self.CURRENT_ACCURACY * abs(value) + self.CURRENT_ACCURACY_A
        return self._measured("supply.current", value, "A", doubt)

    def tripped(self) -> bool:
        """Tell whether a protection (over-voltage, over-current, inhibit) holds the output off."""
        return whole(self._link, f"STAT:QUES:INST:ISUM{self._channel}:COND?") != 0

    def clear_protection(self) -> None:
        """Release a latched protection; the output then returns to its programmed state."""
        send(self._link, f"OUTP:PROT:CLE {self._at}")

    def _measured(self, name: str, value: float, unit: str, uncertainty: float) -> Measurement:
        return Measurement(
            name=name,
            value=value,
            unit=unit,
            uncertainty=uncertainty,
            source=self.identity(),
            taken_at_s=self._clock.now(),
            method="read-back, data sheet accuracy",
        )
