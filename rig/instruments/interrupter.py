# SPDX-License-Identifier: MIT
"""Takes heartbeat and traffic away for a known time, docs/reference/interrupter.md."""

from rig.clock import Clock
from rig.errors import InstrumentError, UsageError
from rig.instruments.link import ScpiLink, check_power, identify, number, send, whole
from rig.measure.measurement import Measurement

GAP_MIN_S, GAP_MAX_S = 1e-3, 100.0
TIME_BASE = 1e-6  # docs/reference/interrupter.md, what a box must keep
PATHS = {"traffic": "TRAF", "counter": "HEAR"}  # view of an outage: the path that it looks at


class Interrupter:
    """A box in the heartbeat line and in the network path, before the board.

    It is told a length and says afterwards, for each path, from when to when it really was closed,
    on its own clock and with its own doubt: no command's latency is part of the length.
    """

    MODELS = ("GATE",)
    views = tuple(PATHS)

    def __init__(self, link: ScpiLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._identity = ""
        self._count = 0
        self._length_s = 0.0

    def identity(self) -> str:
        """Return the ``*IDN?`` answer, asked for once."""
        self._identity = self._identity or identify(self._link, *self.MODELS)
        return self._identity

    def prepare(self) -> None:
        """Open both paths, and forget what was before."""
        self.identity()
        send(self._link, "*RST;*CLS")

    def arm(self, length_s: float) -> None:
        """Say how long the next interruption shall be.

        Raises:
            UsageError: it cannot make that silence.
        """
        if not GAP_MIN_S <= length_s <= GAP_MAX_S:
            raise UsageError(f"a silence of {length_s} s is outside {GAP_MIN_S} … {GAP_MAX_S} s")
        self._length_s = length_s

    def interrupt(self) -> None:
        """Close both paths, from now on or within the next tenth of a second.

        Raises:
            InstrumentError: it refuses, or has restarted.
        """
        check_power(self._link)
        send(self._link, f"BLOC:STAR {self._length_s:.9f}")
        self._count = whole(self._link, "BLOC:COUN?")

    def ended(self) -> bool:
        """Tell whether both paths are open again."""
        return whole(self._link, "BLOC:STAT?") == 0

    def truth(self, view: str) -> Measurement:
        """Return how long the path of `view` was closed the last time.

        Raises:
            InstrumentError: it has restarted, or speaks of another time.
        """
        command = f"BLOC:RES? {PATHS[view]}"
        check_power(self._link)
        reply = self._link.query(command)
        try:
            count, from_s, to_s, doubt_s = (float(word) for word in reply.split(","))
        except ValueError as error:
            raise InstrumentError(self._link.name, command=command, reply=reply) from error
        if count != self._count or not 0 <= to_s - from_s < GAP_MAX_S + 1 or doubt_s < 0:
            raise InstrumentError(self._link.name, command=command, reply=reply)
        length_s = to_s - from_s
        return Measurement(
            name=f"reference.{view}",
            value=length_s,
            unit="s",
            uncertainty=doubt_s + TIME_BASE * length_s,
            source=self.identity(),
            taken_at_s=self._clock.now(),
            method="the gate's own time stamps of closing and opening",
        )

    def stop(self) -> None:
        """Open both paths."""
        send(self._link, "BLOC:ABOR")

    def time_s(self) -> float:
        """Return the box's own time."""
        return number(self._link, "SYST:TIME?")
