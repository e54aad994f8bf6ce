# SPDX-License-Identifier: MIT
"""An oscilloscope that triggers on a missing pulse of the heartbeat and keeps only the gaps."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig.clock import Clock, Deadline
from rig.errors import InstrumentError, UsageError
from rig.instruments.link import ScpiLink, check_power, identify, send

LEVEL_V = 1.65  # half of 3.3 V
POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class GapSegment:
    """One silence, from a rising edge to the next, as a scope has kept it.

    `at_s` counts from the first segment's trigger.  A silence that does not fit into the record is
    not `complete`: it was `length_s` long at least.  `uncertainty_s` is the half-width at 95 %.
    """

    at_s: float
    length_s: float
    uncertainty_s: float
    complete: bool
    source: str


class Trace(NamedTuple):
    """One record: samples of one channel, `step_s` apart, the first at `first_s` from trigger."""

    volts: NDArray[np.float64]
    step_s: float
    first_s: float


class Oscilloscope(ABC):
    """Channel 1 on the heartbeat; a subclass says with which commands.

    No trigger comes while a board is dead for good, so `gaps` always ends at its deadline.
    """

    MODELS: tuple[str, ...] = ()
    TIME_BASE = 0.0  # relative error

    def __init__(self, link: ScpiLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._identity = ""
        self._armed = False

    def identity(self) -> str:
        """Return the ``*IDN?`` answer, asked for once."""
        self._identity = self._identity or identify(self._link, *self.MODELS)
        return self._identity

    @abstractmethod
    def arm(self, period_s: float, longest_s: float) -> None:
        """Wait for silences longer than 2.5 `period_s`; show those up to `longest_s` whole."""

    @abstractmethod
    def gaps(self, count: int, deadline: Deadline) -> tuple[GapSegment, ...]:
        """Return `count` silences, fewer when `deadline` passes first; it is armed no more."""

    def stop(self) -> None:
        self._armed = False
        send(self._link, ":STOP")

    def _check_span(self, period_s: float, longest_s: float) -> None:
        if not 0 < 2.5 * period_s < longest_s <= 100.0:
            raise UsageError(f"silences up to {longest_s} s of a period of {period_s} s: not here")

    def _single(self) -> None:
        send(self._link, ":SING")
        self._armed = True

    def _check_armed(self) -> None:
        """Raise unless it waits for silences: a stopped scope looks like one that has triggered."""
        check_power(self._link)
        if not self._armed:
            raise UsageError(f"{self._link.name} has not been armed since it was last read")

    def _segment(self, trace: Trace, at_s: float) -> GapSegment:
        """Find the longest silence of a record; both its edges lie between two samples each.

        The record is locked to the trigger, so the two do not err independently: the length is
        wrong by a sample at most, rectangular (GUM 4.3.7), u = step / √3, and by the time base.
        """
        edges_s = trace.first_s + (rising_edges(trace.volts, LEVEL_V) - 0.5) * trace.step_s
        ends_s = np.array([trace.first_s, trace.first_s + (trace.volts.size - 1) * trace.step_s])
        inner = np.diff(edges_s)
        outer_s = float(ends_s[1] - (edges_s[-1] if edges_s.size else ends_s[0]))
        outer_s = max(outer_s, float(edges_s[0] - ends_s[0]) if edges_s.size else 0.0)
        longest_s = float(np.max(inner)) if inner.size else 0.0
        complete = longest_s > outer_s
        length_s = max(longest_s, outer_s)
        doubt_s = math.hypot(trace.step_s / math.sqrt(3), self.TIME_BASE * length_s / math.sqrt(3))
        return GapSegment(
            at_s=at_s,
            length_s=length_s,
            uncertainty_s=2 * doubt_s,
            complete=complete,
            source=self.identity(),
        )

    def _unexpected(self, command: str, reply: str) -> InstrumentError:
        return InstrumentError(self._link.name, command=command, reply=reply)


def rising_edges(volts: NDArray[np.float64], level_v: float) -> NDArray[np.float64]:
    """Return the number of the first sample above `level_v` of each rising edge."""
    above = volts > level_v
    return np.flatnonzero(~above[:-1] & above[1:]).astype(np.float64) + 1.0
