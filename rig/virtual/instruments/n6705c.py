# SPDX-License-Identifier: MIT
"""A supply after Keysight's N6705C: also records its current.

N6700 User's Guide p. 91, N6705C User's Guide p. 211.
"""

import array
from bisect import bisect_right
from collections.abc import Iterable

from rig.virtual.board.power import Feed
from rig.virtual.instruments.scpi import ScpiError, block, command
from rig.virtual.instruments.supply import Supply, boolean

STEP_S = 20.48e-6
POINTS_MAX = 65_536
LOG_STEP_S = 102.4e-6
LOG_MEMORY = int(20 / LOG_STEP_S)


class N6705c(Supply):
    """Four outputs.  The sweep is over at once: its values are what the load is now.

    The log knows when the board was not fed; what it drew before that is what was last read.
    """

    identity = "Keysight Technologies,N6705C,MY00000003,E.02.06.3245"
    MAX_V = dict.fromkeys((1, 2, 3, 4), 20.4)
    MAX_A = dict.fromkeys((1, 2, 3, 4), 3.06)

    def __init__(self, feed: Feed, *, noise: bool = True) -> None:
        super().__init__(feed, noise=noise)
        self._edges: list[tuple[float, float]] = []  # when the feed went or came, drawn until then
        self._drawn_a = 0.0
        feed.noted.append(self._note)
        self._forget()

    def reset(self) -> None:
        super().reset()
        self._forget()

    def _forget(self) -> None:
        self._points = 1024
        self._log_step_s = 0.1
        self._log_current = False
        self._logged_s: float | None = None
        self._real = False

    @command("STATus:QUEStionable:CONDition?")
    def _questionable(self, channels: str) -> str:
        return str(512 if self.channel(channels) == 1 and self._feed.inhibited else 0)

    @command("FORMat[:DATA]")
    def _format(self, kind: str) -> None:
        if kind.upper() not in {"REAL", "ASC", "ASCII"}:
            raise ScpiError(-224, kind)
        self._real = kind.upper() == "REAL"

    @command("FORMat:BORDer")
    def _byte_order(self, order: str) -> None:
        if not order.upper().startswith("NORM"):
            raise ScpiError(-224, order)

    @command("SENSe:SWEep:TINTerval")
    def _interval(self, value: str, channels: str) -> None:
        self.channel(channels)
        if not STEP_S <= float(value) <= 40000.0:
            raise ScpiError(-222, value)

    @command("SENSe:SWEep:POINts")
    def _set_points(self, value: str, channels: str) -> None:
        self.channel(channels)
        if not 1 <= int(float(value)) <= POINTS_MAX:
            raise ScpiError(-222, value)
        self._points = int(float(value))

    @command("MEASure:ARRay:CURRent[:DC]?")
    def _sweep(self, channels: str) -> bytes:
        return self._values(self.channel(channels), self._points)

    @command("SENSe:ELOG:FUNCtion:CURRent")
    def _log_function(self, state: str, channels: str) -> None:
        self.channel(channels)
        self._log_current = boolean(state)

    @command("SENSe:ELOG:PERiod")
    def _log_period(self, value: str, channels: str) -> None:
        self.channel(channels)
        if not LOG_STEP_S <= float(value) <= 60.0:
            raise ScpiError(-222, value)
        self._log_step_s = float(value)

    @command("TRIGger:ELOG:SOURce")
    def _log_trigger(self, source: str, channels: str) -> None:
        self.channel(channels)
        if not source.upper().startswith("IMM"):
            raise ScpiError(-224, source)

    @command("INITiate[:IMMediate]:ELOG")
    def _log_start(self, channels: str) -> None:
        self.channel(channels)
        if not self._log_current:
            raise ScpiError(-221, "nothing to log")
        self._edges.clear()
        self._logged_s = self.outputs.now()

    @command("ABORt:ELOG")
    def _log_stop(self, channels: str) -> None:
        self.channel(channels)
        self._logged_s = None

    @command("FETCh:ELOG?")
    def _log_fetch(self, count: str, channels: str) -> bytes:
        if self._logged_s is None:
            raise ScpiError(-230)
        ready = int((self.outputs.now() - self._logged_s) / self._log_step_s + 1e-6)
        number = min(ready, LOG_MEMORY, int(count))
        from_s = self._logged_s
        self._logged_s += number * self._log_step_s
        self._edges = [edge for edge in self._edges if edge[0] >= from_s]
        times_s = (from_s + (at + 0.5) * self._log_step_s for at in range(number))
        return self._block(self._logged(self.channel(channels), times_s))

    def _note(self, fed: bool) -> None:
        if self._logged_s is not None:
            self._edges.append((self.outputs.now(), 0.0 if fed else self._drawn_a))

    def _logged(self, channel: int, times_s: Iterable[float]) -> list[float]:
        """Return what was drawn at some times, from the edges of the feed and the load of now."""
        if channel != 1:
            return [0.0 for _ in times_s]
        now_a = self.outputs.load_a() if self._feed.powered else 0.0
        self._drawn_a = now_a or self._drawn_a
        edges_s = [at_s for at_s, _ in self._edges]
        loads_a = [*(until_a for _, until_a in self._edges), now_a]
        return [self.outputs.read(loads_a[bisect_right(edges_s, at_s)]) for at_s in times_s]

    def _values(self, channel: int, number: int) -> bytes:
        return self._block(self.outputs.amperes(channel) for _ in range(number))

    def _block(self, amperes: Iterable[float]) -> bytes:
        values = array.array("f", amperes)
        if not self._real:
            return ",".join(f"{value:+.6E}" for value in values).encode()
        values.byteswap()  # big-endian on the wire
        return block(values.tobytes())
