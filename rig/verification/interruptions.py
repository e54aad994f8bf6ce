# SPDX-License-Identifier: MIT
"""Which interruptions a verification makes; pure, and quick to import."""

import random
from dataclasses import dataclass

from rig.errors import UsageError

LENGTH_MIN_S, LENGTH_MAX_S = 2e-3, 100.0
ALL = "all"  # lengths together, in a record


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to measure; a `scale` other than 1 is a self-test of the proof."""

    gaps: int = 200
    from_s: float = 2e-3
    to_s: float = 20.0
    seed: int = 1
    scale: float = 1.0

    def check(self) -> None:
        """Raise UsageError unless this can be measured."""
        if self.gaps < 1:
            raise UsageError(f"--gaps is at least 1, not {self.gaps}")
        if not LENGTH_MIN_S <= self.from_s < self.to_s <= LENGTH_MAX_S:
            raise UsageError(
                f"lengths from {self.from_s} to {self.to_s} s: they rise, from {LENGTH_MIN_S} s on"
                f" and to {LENGTH_MAX_S} s at most"
            )
        if not 0 < self.scale <= 1:
            raise UsageError(f"--scale-uncertainty is above 0 and at most 1, not {self.scale}")

    def covers(self, other: "Settings") -> bool:
        """Tell whether this tries at least as many lengths as `other`, over at least its span."""
        wide = self.from_s <= other.from_s and self.to_s >= other.to_s
        return wide and self.gaps >= other.gaps

    def __str__(self) -> str:
        return f"{self.gaps} interruptions of {self.from_s:g} … {self.to_s:g} s"


def lengths(settings: Settings) -> list[float]:
    """Return the lengths, evenly spaced in their logarithm, in an order drawn from the seed."""
    steps = max(1, settings.gaps - 1)
    ratio = settings.to_s / settings.from_s
    spaced = [settings.from_s * ratio ** (number / steps) for number in range(settings.gaps)]
    random.Random(settings.seed).shuffle(spaced)  # noqa: S311 # no secret
    return spaced
