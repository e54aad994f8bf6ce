# SPDX-License-Identifier: MIT
"""An instrument with an input on the heartbeat line."""

import threading

from rig.virtual.instruments.scpi import Instrument, ScpiError, command

PULSE = 0xFF
BYTE_S = 10 / 115200  # two pulses of one line cannot be closer


class HeartbeatInput(Instrument):
    """Takes the line's pulses from its thread; a subclass says what an edge does."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.connected = True  # the reference output may take the line away
        self.time_base = 1.0  # a fault: how fast the instrument's own clock runs

    def pulses(self, data: bytes, now_s: float) -> None:
        """Take what came over the heartbeat line at `now_s`; called by the line's thread."""
        edges = data.count(PULSE)
        self.faults.met += bool(edges and (not self.connected or self.time_base != 1.0))
        if not edges or not self.connected:
            return
        with self.lock:
            for left in range(edges - 1, -1, -1):
                self.edge((now_s - left * BYTE_S) * self.time_base)

    def edge(self, at_s: float) -> None:
        """Take one rising edge; the lock is held."""
        raise NotImplementedError


class SetUpInput(HeartbeatInput):
    """An input whose coupling, impedance, slope and level are set by SCPI's INPut commands.

    A subclass says which words its maker knows.
    """

    SLOPES = frozenset({"POS", "NEG"})
    AUTO_LEVELS = frozenset({"ON", "OFF", "1", "0"})
    LEVEL_MAX_V = 5.0

    level_v = 0.0

    @command("INPut#:COUPling")
    def _coupling(self, _channel: str, value: str) -> None:
        if value.upper() not in {"AC", "DC"}:
            raise ScpiError(-224, value)

    @command("INPut#:IMPedance")
    def _impedance(self, _channel: str, value: str) -> None:
        if float(value) not in {50.0, 1e6}:
            raise ScpiError(-224, value)

    @command("INPut#:SLOPe")
    def _slope(self, _channel: str, value: str) -> None:
        if value.upper() not in self.SLOPES:
            raise ScpiError(-224, value)

    @command("INPut#:LEVel[:ABSolute]")
    def _set_level(self, _channel: str, value: str) -> None:
        if not abs(float(value)) <= self.LEVEL_MAX_V:
            raise ScpiError(-222, value)
        self.level_v = float(value)

    @command("INPut#:LEVel:AUTO")
    def _auto_level(self, _channel: str, value: str) -> None:
        if value.upper() not in self.AUTO_LEVELS:
            raise ScpiError(-224, value)
