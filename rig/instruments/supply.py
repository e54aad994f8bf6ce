# SPDX-License-Identifier: MIT
"""The bench supply that feeds the board: what any has to do, and Keysight's E36312A."""

import logging
from dataclasses import dataclass
from typing import Protocol

from rig.clock import Clock, Deadline
from rig.errors import BenchError, InstrumentError, UsageError
from rig.instruments.link import ScpiLink, check_power, identify, number, send, whole
from rig.instruments.rail import FEED_GONE_V, Fall, is_above, is_below
from rig.measure.measurement import Measurement

log = logging.getLogger(__name__)

VOLTAGE_MAX_V = 5.5  # not the instrument's limit: a 5 V board's
AGAIN_S = 0.1
SETTLE_LIMIT_S = 1.0  # from a command to the read-back that confirms it
FALL_LIMIT_S = 5.0  # from output off to a rail that has fallen; a loaded one takes less than 1 s


class Supply(Protocol):
    """What the rig needs of the supply that feeds the board."""

    def identity(self) -> str: ...
    def output(self, on: bool) -> None: ...
    def cut(self) -> Fall: ...
    def is_on(self) -> bool: ...
    def set_voltage(self, voltage_v: float) -> None: ...
    def voltage(self) -> Measurement: ...
    def current(self) -> Measurement: ...
    def peek_current(self) -> float: ...
    def tripped(self) -> bool: ...
    def clear_protection(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of a read-back: a share of the reading plus a constant, from the data sheet."""

    share: float
    constant: float

    def at(self, value: float) -> float:
        return self.share * abs(value) + self.constant


class ScpiSupply:
    """One channel of a supply whose commands end in a channel list ``(@1)``, as Keysight's do."""

    MODEL = ""
    CHANNELS: tuple[int, ...] = ()
    VOLTAGE = CURRENT = Accuracy(0.0, 0.0)

    def __init__(self, link: ScpiLink, clock: Clock, channel: int = 1) -> None:
        if channel not in self.CHANNELS:
            known = ", ".join(str(known) for known in self.CHANNELS)
            raise UsageError(f"a supply {self.MODEL} has channels {known}, not {channel}")
        self._link = link
        self._clock = clock
        self._at = self._address(channel)
        self._channel = channel
        self._identity = ""

    def identity(self) -> str:
        """Return the ``*IDN?`` answer, asked for once."""
        if not self._identity:
            self._identity = identify(self._link, self.MODEL)
            whole(self._link, "*ESR?")  # forget that it was switched on: from now on it may not be
        return self._identity

    def output(self, on: bool) -> None:
        """Switch the output and read it back; when it refuses once it is told again.

        Raises:
            InstrumentError: the supply does not do it (a latched inhibit keeps it off), or it has
                restarted and would feed the board with another voltage.
        """
        state = "ON" if on else "OFF"
        self._may(on)
        try:
            self._switch(state)
        except InstrumentError as error:
            log.warning("%s; told again", error)
            self._clock.sleep(AGAIN_S)
            self._may(on)
            self._switch(state)
        self._confirm(on)

    def cut(self, limit_s: float = FALL_LIMIT_S) -> Fall:
        """Switch the output off and watch its voltage fall; it fed the board until now.

        Raises:
            BenchError: it does not fall within `limit_s`.
            InstrumentError: the supply says that the output is still on, or it has restarted.
        """
        self._ready()
        deadline = Deadline.after(self._clock, limit_s)
        above_s = self._clock.now()
        self._switch("OFF")
        while True:
            asked_s = self._clock.now()
            voltage = self._read_voltage()
            if is_below(voltage):
                break
            if is_above(voltage):
                above_s = asked_s
            if deadline.passed:
                raise BenchError(
                    f"{self._link.name} was switched off, and {limit_s:.1f} s later its output is"
                    f" still at {voltage.value:.3f} V, not below {FEED_GONE_V} V: the board was not"
                    " cut; look at what else feeds that rail"
                )
        self._confirm(False)
        return Fall(above_s=above_s, below_s=voltage.taken_at_s, voltage=voltage)

    def is_on(self) -> bool:
        return whole(self._link, f"OUTP? {self._at}") == 1

    def set_voltage(self, voltage_v: float) -> None:
        """Set the output voltage.

        Raises:
            UsageError: `voltage_v` would harm the board; it is never clipped silently.
        """
        if not 0.0 <= voltage_v <= VOLTAGE_MAX_V:
            raise UsageError(f"{voltage_v} V is outside 0 … {VOLTAGE_MAX_V} V")
        self.identity()
        self._program(voltage_v)

    def voltage(self) -> Measurement:
        """Measure the output voltage."""
        self._ready()
        return self._read_voltage()

    def current(self) -> Measurement:
        """Measure the output current."""
        self._ready()
        return self._measured("supply.current", self.peek_current(), "A", self.CURRENT)

    def peek_current(self) -> float:
        """Return the output current in A and ask nothing else: for whoever asks ten times a second.

        That the supply has restarted is so left to whoever switches it to find.
        """
        return number(self._link, f"MEAS:CURR? {self._at}")

    def tripped(self) -> bool:
        """Tell whether a protection (over-voltage, over-current, inhibit) holds the output off."""
        return whole(self._link, f"STAT:QUES:COND? {self._at}") != 0

    def clear_protection(self) -> None:
        """Release a latched protection; the output then returns to its programmed state."""
        send(self._link, f"OUTP:PROT:CLE {self._at}")

    @staticmethod
    def _address(channel: int) -> str:
        return f"(@{channel})"

    def _confirm(self, on: bool) -> None:
        """Read the output back until it says what it was told."""
        deadline = Deadline.after(self._clock, SETTLE_LIMIT_S)
        while self.is_on() != on:
            if deadline.passed:
                reply = "off" if on else "on"
                raise InstrumentError(self._link.name, command=f"OUTP? {self._at}", reply=reply)
            self._clock.sleep(AGAIN_S)

    def _may(self, on: bool) -> None:
        """Be sure of what it would feed the board with; it may be switched off in any case."""
        if on:
            self._ready()
        else:
            self.identity()

    def _switch(self, state: str) -> None:
        send(self._link, f"OUTP {state},{self._at}")

    def _program(self, voltage_v: float) -> None:
        send(self._link, f"VOLT {voltage_v:.3f},{self._at}")

    def _read_voltage(self) -> Measurement:
        value = number(self._link, f"MEAS:VOLT? {self._at}")
        return self._measured("supply.voltage", value, "V", self.VOLTAGE)

    def _ready(self) -> None:
        """Raise InstrumentError for another model, and for one that restarted since last asked."""
        if self._identity:
            check_power(self._link)
        self.identity()

    def _measured(self, name: str, value: float, unit: str, accuracy: Accuracy) -> Measurement:
        return Measurement(
            name=name,
            value=value,
            unit=unit,
            uncertainty=accuracy.at(value),
            source=self.identity(),
            taken_at_s=self._clock.now(),
            method="read-back, data sheet accuracy",
        )


class KeysightE36312A(ScpiSupply):
    """One channel of an E36312A.

    Source: Keysight E36300 Series Programming Guide (E36311-90008) for the commands; E36312A data
    sheet for the accuracy of the read-back at 23 ± 5 °C.
    """

    MODEL = "E36312A"
    CHANNELS = (1, 2, 3)
    VOLTAGE = Accuracy(0.0004, 0.005)
    CURRENT = Accuracy(0.0004, 0.010)

    def tripped(self) -> bool:
        return whole(self._link, f"STAT:QUES:INST:ISUM{self._channel}:COND?") != 0
