# SPDX-License-Identifier: MIT
"""Counters after Pendulum's CNT-91 and CNT-104S: packed pairs of a number and a stamp in ps.

CNT-90 Series Programmer's Handbook pp. 8-33 … 8-40 and 8-72; CNT-102/104S Programmer's Handbook.
"""

import re
import struct
from collections import deque

from rig.virtual.instruments.heartbeat import HeartbeatInput, SetUpInput
from rig.virtual.instruments.scpi import ScpiError, block, command

FETCH_MAX = 10_000
DEAD_S = 4e-6  # after a single time stamp, CNT-91 p. 8-72
NOT_A_NUMBER = struct.pack(">d", float("nan"))


class Pendulum(HeartbeatInput):
    """What both have: format, INIT, ABOR and the memory."""

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self._samples: deque[tuple[float, int]] = deque()
            self._count = self._left = self._passed = 0
            self._last_s: float | None = None
            self._packed = self._stamped = self._armed = False

    def edge(self, at_s: float) -> None:
        if not self._armed:
            return
        self._passed += 1
        if self._last_s is not None and at_s - self._last_s < self.dead_s:
            return
        self._last_s = at_s
        self._samples.append((float(self._passed), round(at_s * 1e12)))
        self._left -= 1
        self._armed = self._left > 0

    dead_s = 0.0

    def arm(self, count: int, most: int) -> None:
        if not 1 <= count <= most:
            raise ScpiError(-222, str(count))
        with self.lock:
            self._count, self._armed = count, False
            self._samples.clear()

    def fetch(self, number: str) -> bytes:
        """Give and forget; with nothing new a NaN, and -230 that is no error as such (p. 8-36)."""
        if not (self._packed and self._stamped):
            raise ScpiError(-221, "packed pairs only here")
        most = FETCH_MAX if number.upper() == "MAX" else min(int(number), FETCH_MAX)
        with self.lock:
            taken = [self._samples.popleft() for _ in range(min(most, len(self._samples)))]
        if not taken:
            self.error(-230)
            return block(NOT_A_NUMBER)
        data = b"".join(struct.pack(">dq", *pair) for pair in taken)
        # The length is not known in advance, so it has six digits (p. 8-36 note 2).
        return f"#6{len(data):06d}".encode() + data

    @command("INITiate:CONTinuous")
    def _continuous(self, state: str) -> None:
        if state.upper() not in {"OFF", "0"}:
            raise ScpiError(-224, state)

    @command("FORMat[:DATA]")
    def _format(self, kind: str) -> None:
        if kind.upper() not in {"PACK", "PACKED", "ASC", "ASCII", "REAL"}:
            raise ScpiError(-224, kind)
        self._packed = kind.upper().startswith("PACK")

    @command("FORMat:BORDer")
    def _byte_order(self, order: str) -> None:
        if not order.upper().startswith("NORM"):
            raise ScpiError(-224, order)

    @command("FORMat:TINFormation")
    def _time_stamps(self, state: str) -> None:
        self._stamped = state.upper() in {"ON", "1"}

    @command("INITiate[:IMMediate]")
    def _initiate(self) -> None:
        with self.lock:
            if not self._count:
                raise ScpiError(-221, "configure time stamps first")
            self._samples.clear()
            self._left, self._passed, self._last_s, self._armed = self._count, 0, None, True

    @command("ABORt")
    def _abort(self) -> None:
        with self.lock:
            self._armed = False


class Cnt91(Pendulum, SetUpInput):
    """Single time stamps with the number of edges so far, blind for 4 µs after each."""

    identity = "PENDULUM, CNT-91, 000001, V1.34 21 Mar 2013"
    MOST = 32_000
    dead_s = DEAD_S

    @command("CONFigure:ARRay:STSTamp")
    def _configure(self, count: str, channel: str = "(@1)") -> None:
        if channel != "(@1)":
            raise ScpiError(-224, channel)
        self.arm(int(count.strip("()")), self.MOST)

    @command("FETCh:ARRay?")
    def _fetch(self, number: str) -> bytes:
        return self.fetch(number)


class Cnt104s(Pendulum):
    """Gap-free; configured by names and values; *ESR? without a power-on bit."""

    identity = "Pendulum, CNT-104S, 000024, v1.4.1 2023-09-05"
    MOST = 32_000_000
    NAMES = frozenset(
        {
            "Function",
            "SampleCount",
            "SampleInterval",
            "ImpedanceA",
            "CouplingA",
            "TriggerModeA",
            "AbsoluteTriggerLevelA",
        }
    )

    @command("SYSTem:CONFigure")
    def _configure(self, text: str) -> None:
        settings = dict(re.findall(r"(\w+)=([^;]+)", text.strip('"')))
        if unknown := set(settings) - self.NAMES:
            raise ScpiError(-224, ",".join(sorted(unknown)))
        if settings.get("Function", "Timestamp A") != "Timestamp A":
            raise ScpiError(-224, settings["Function"])
        if "SampleCount" in settings:
            self.arm(int(settings["SampleCount"]), self.MOST)

    @command("FETCh:ARRay?")
    def _fetch(self, number: str, channel: str) -> bytes:
        if channel.upper() != "A":
            raise ScpiError(-224, channel)
        return self.fetch(number)

    @command("*ESR?")
    def _event_status(self) -> str:
        """Answer without the power-on bit, which this one does not have."""
        value, self._esr = self._esr & 127, 0
        return str(value)
