# SPDX-License-Identifier: MIT
"""A counter after Keysight's 53230A in time-stamp mode, wired to the heartbeat line.

53220A/53230A User's Guide (53220-90001) pp. 74-101, 238-246 and Programmer's Reference.
"""

import array

from rig.virtual.instruments.heartbeat import BYTE_S, SetUpInput
from rig.virtual.instruments.scpi import ScpiError, block, command

__all__ = ["BYTE_S", "Counter"]

MEMORY = 1_000_000
OVERFLOW_BIT = 1 << 14
RATES = (1e4, 1e5, 8e5, 1e6)


class Counter(SetUpInput):
    """Readings are the times between successive edges, in seconds; `R?` reads and erases.

    `memory` is how many it holds: when that is full, the next edge pushes the oldest out and sets
    the overflow bit, without an error.
    """

    SLOPES = frozenset({"POS", "NEG", "POSITIVE", "NEGATIVE"})
    AUTO_LEVELS = frozenset({"ON", "OFF", "ONCE", "1", "0"})
    LEVEL_MAX_V = 5.125
    identity = "Keysight Technologies,53230A,MY00000002,02.05-1519.666-1.19-4.15-127-155-35"

    def __init__(self, memory: int = MEMORY) -> None:
        super().__init__()
        self._memory = memory
        self._time_out_s = "1.0"  # non-volatile: neither *RST nor a power cycle touches it
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self._function = "FREQ"
            self._count = 1
            self._rate = 1e6
            self.level_v = 0.0
            self._real = False
            self._readings = array.array("d")
            self._left = 0
            self._last: float | None = None
            self._armed = self._overflowed = False

    def edge(self, at_s: float) -> None:
        if not self._armed:
            return
        if self._last is None:
            self._last = at_s
            return
        interval = max(at_s - self._last, BYTE_S)
        self._last += interval
        if len(self._readings) >= self._memory:
            self._overflowed = True
            del self._readings[0]
        if self._left:
            self._readings.append(interval)
            self._left -= 1
        # Stricter than the instrument: a full memory that nobody reads is an overflow.
        self._armed = self._left > 0 or len(self._readings) >= self._memory

    @command("CONFigure:ARRay:TSTamp")
    def _configure(self, count: str, channel: str = "(@1)") -> None:
        number = int(float(count.strip("()")))
        if not 1 <= number <= MEMORY:
            raise ScpiError(-222, count)
        if channel != "(@1)":
            raise ScpiError(-224, channel)
        with self.lock:
            self._function, self._count, self._armed = "TST", number, False
            self._readings = array.array("d")

    @command("[:SENSe]:FUNCtion[:ON]?")
    def _function_is(self) -> str:
        return f'"{self._function}"'

    @command("[:SENSe]:TSTamp:RATE")
    def _set_rate(self, rate: str) -> None:
        if float(rate) not in RATES:
            raise ScpiError(-224, rate)
        self._rate = float(rate)

    @command("[:SENSe]:TSTamp:RATE?")
    def _rate_is(self) -> str:
        return f"{self._rate:+.8E}"

    @command("SYSTem:TIMeout")
    def _set_time_out(self, value: str) -> None:
        self._time_out_s = "9.9E+37" if value.upper().startswith("INF") else str(float(value))

    @command("SYSTem:TIMeout?")
    def _time_out_is(self) -> str:
        return self._time_out_s

    @command("INPut#:LEVel[:ABSolute]?")
    def _level_is(self, _channel: str) -> str:
        return f"{self.level_v:+.8E}"

    @command("FORMat[:DATA]")
    def _format(self, kind: str, length: str = "15") -> None:
        name = kind.upper()[:4]
        if name not in {"REAL", "ASC", "ASCI"} or (name == "REAL" and length != "64"):
            raise ScpiError(-224, kind)
        self._real = name == "REAL"

    @command("FORMat:BORDer")
    def _byte_order(self, order: str) -> None:
        if not order.upper().startswith("NORM"):
            raise ScpiError(-224, order)

    @command("SAMPle:COUNt?")
    def _samples(self) -> str:
        return f"{self._count:+d}"

    @command("INITiate[:IMMediate]")
    def _initiate(self) -> None:
        with self.lock:
            if self._function != "TST":
                raise ScpiError(-221, "configure time stamps first")
            self._readings = array.array("d")
            self._last, self._left = None, self._count
            self._armed, self._overflowed = True, False

    @command("ABORt")
    def _abort(self) -> None:
        with self.lock:
            self._armed = False

    @command("DATA:POINts?")
    def _points(self) -> str:
        return f"{len(self._readings):+d}"

    @command("R?")
    def _read(self, count: str | None = None) -> bytes:
        with self.lock:
            number = len(self._readings)
            if count is not None:
                number = min(number, int(float(count)))
            if not number and not self._armed:
                raise ScpiError(-230)
            taken, self._readings = self._readings[:number], self._readings[number:]
        if self._real:
            taken.byteswap()  # big-endian on the wire, FORM:BORD NORM
            return block(taken.tobytes())
        return block(",".join(f"{value:+.14E}" for value in taken).encode())

    @command("STATus:QUEStionable:CONDition?")
    def _questionable(self) -> str:
        return f"+{OVERFLOW_BIT if self._overflowed else 0}"
