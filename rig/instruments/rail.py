# SPDX-License-Identifier: MIT
"""When the board's 5 V rail really fell: between two readings of the supply; pure."""

from dataclasses import dataclass

from rig.measure.measurement import Measurement
from rig.measure.uncertainty import Contribution, expanded

FEED_GONE_V = 4.5  # below it the board's reset controller holds it in reset


@dataclass(frozen=True, slots=True, kw_only=True)
class RailEdge:
    """The rail's fall through `threshold_v`, as a delay from a line of the board's."""

    delay: Measurement
    voltage: Measurement  # the first reading below
    threshold_v: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """The rail was above `FEED_GONE_V` after `above_s` and below it before `below_s`, rig time."""

    above_s: float
    below_s: float
    voltage: Measurement  # the first reading below

    def since(self, said_s: float) -> RailEdge:
        """Return the edge as a delay from `said_s`: it lies anywhere between the two readings."""
        width_s = self.below_s - self.above_s
        budget = (Contribution("rail's edge", width_s / 2, why="between two readings"),)
        at_s = (self.above_s + self.below_s) / 2
        delay = Measurement(
            name="rail.edge",
            value=at_s - said_s,
            unit="s",
            uncertainty=expanded(budget),
            source=self.voltage.source,
            taken_at_s=at_s,
            method=f"read-back below {FEED_GONE_V} V, W = {width_s:.6f} s, k = 2",
            calibration=self.voltage.calibration,
            budget=budget,
        )
        return RailEdge(delay=delay, voltage=self.voltage, threshold_v=FEED_GONE_V)


def is_above(voltage: Measurement) -> bool:
    """Tell whether the board is fed for certain, whatever the reading's doubt."""
    return voltage.value - voltage.uncertainty >= FEED_GONE_V


def is_below(voltage: Measurement) -> bool:
    """Tell whether the board's feed is gone for certain."""
    return voltage.value + voltage.uncertainty < FEED_GONE_V
