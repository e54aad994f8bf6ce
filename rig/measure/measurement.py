# SPDX-License-Identifier: MIT
"""A measured value, the limit it is held against, and the verdict."""

import enum
from dataclasses import dataclass

from rig.measure.uncertainty import Budget


class Verdict(enum.Enum):
    """`unclear` means the limit lies inside the uncertainty: measure better, do not guess."""

    passed = "passed"
    failed = "failed"
    unclear = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One value from one instrument, with all that is needed to doubt it.

    `uncertainty` is the half-width at 95 %, in `unit`.  `source` is the instrument's
    ``*IDN?`` answer.  `taken_at_s` is on the rig's monotonic clock.  `method` names how the value
    was had, `calibration` when the instrument was last calibrated, empty if it cannot say.
    `budget` names what the uncertainty is made of, where that is known.
    """

    name: str
    value: float
    unit: str
    uncertainty: float
    source: str
    taken_at_s: float
    method: str = ""
    calibration: str = ""
    budget: Budget = ()

    def __str__(self) -> str:
        return f"{self.name} = {self.value:g} ± {self.uncertainty:g} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An upper bound and the requirement it comes from."""

    at_most: float
    unit: str
    source: str

    def judge(self, measured: Measurement) -> Verdict:
        """Compare `measured` with this limit.

        Raises:
            ValueError: the units differ; the rig never converts silently.
        """
        if measured.unit != self.unit:
            raise ValueError(f"{measured} held against a limit in {self.unit} ({self.source})")
        if measured.value + measured.uncertainty <= self.at_most:
            return Verdict.passed
        if measured.value - measured.uncertainty > self.at_most:
            return Verdict.failed
        return Verdict.unclear
