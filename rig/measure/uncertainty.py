# SPDX-License-Identifier: MIT
"""The uncertainty budget of a measured outage: what each cause adds (JCGM 100:2008, GUM)."""

import math
from dataclasses import dataclass

K = 2.0  # coverage factor, about 95 % (GUM 6.2.1, G.6.6)
LATE = "longest gap without an event, F - P"
DIVISORS = {  # half-width to standard uncertainty
    "rectangular": math.sqrt(3),  # GUM 4.3.7
    "triangular": math.sqrt(6),  # GUM 4.3.9
    "largest": K,  # of a claim that needs no model: what it says, it is
}


@dataclass(frozen=True, slots=True)
class Contribution:
    """One cause: at most `half_width` to either side, spread as `shape` says, seconds."""

    cause: str
    half_width: float
    shape: str = "rectangular"
    why: str = ""

    def __post_init__(self) -> None:
        if self.shape not in DIVISORS:
            raise ValueError(f"{self.cause}: no shape {self.shape!r}; known: {', '.join(DIVISORS)}")
        if not 0 <= self.half_width < math.inf:
            raise ValueError(f"{self.cause}: a half-width of {self.half_width} s")

    @property
    def u(self) -> float:
        """Return the standard uncertainty."""
        return self.half_width / DIVISORS[self.shape]


Budget = tuple[Contribution, ...]


def expanded(budget: Budget) -> float:
    """Combine independent causes in quadrature (GUM 5.1.2) and expand with k = 2.

    What is the largest that it can be is no estimate but a bound, and is added whole.
    """
    bounds = [item for item in budget if item.shape == "largest"]
    estimates = [item.u for item in budget if item.shape != "largest"]
    return sum(item.half_width for item in bounds) + K * math.hypot(*estimates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """How well an instrument tells the distance of two signs of life, by its data sheet.

    `resolution_s` is the least step of one stamp, `trigger_s` how much later or earlier a stamp
    may be than the sign (level, slope and noise), `time_base` the relative error of its clock.
    """

    resolution_s: float
    trigger_s: float
    time_base: float


def interruption(
    gap_s: float,
    *,
    period: Contribution,
    stamps: Stamps,
    late_s: float,
    correlation_s: float = 0.0,
    stalled_s: float = 0.0,
    lone_s: float = 0.0,
    backlog_s: float = 0.0,
) -> Budget:
    """Return the budget of an outage that was seen as a silence of `gap_s`.

    `late_s` is how late either end can be, for all that the bench was late by when nothing
    happened.  `correlation_s` bounds the error between the
    clocks when the ends of the silence were stamped on two of them; else it is nothing.
    `stalled_s` is what the instrument itself failed to look at its ends.  `lone_s` is how much
    shorter the silence is without the pieces that lone signs of life cut off, `backlog_s` for how
    long the first sign of life after it may have waited behind what had queued up.
    """
    backlog = Contribution("backlog", backlog_s / 2, why="the first pulse waits behind it")
    lone = Contribution("lone signs of life", lone_s / 2, why="fewer than five: no service, or it")
    return (
        period,
        Contribution("no-event floor", late_s, "triangular", LATE),
        # Two stamps, each wrong by half a step: the difference is triangular.
        Contribution("resolution", stamps.resolution_s, "triangular", "of two time stamps"),
        Contribution("trigger level", stamps.trigger_s, "triangular", "where two edges are taken"),
        Contribution(
            "time base", stamps.time_base * gap_s, why=f"{stamps.time_base * 1e6:g} ppm of G"
        ),
        Contribution(
            "clock correlation", correlation_s, why="nothing while both ends are on one clock"
        ),
        Contribution("own stall", stalled_s, why="what the instrument itself missed at the ends"),
        *((lone,) if lone_s else ()),
        *((backlog,) if backlog_s else ()),
    )


def nothing_seen(longest_s: float, late_s: float = 0.0) -> Budget:
    """Return the budget of "no loss": T ≤ G needs no model of where the ends fall.

    But the last sign of life before it may have been under way for longer than the first one
    after, and the gap is then shorter than the silence was: by `late_s` at most.  Both together are
    how long it can have been, so they are added.
    """
    return (
        Contribution("longest gap", longest_s, "largest", "what is shorter was not told"),
        Contribution("no-event floor", late_s, "triangular", LATE),
    )
