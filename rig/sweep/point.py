# SPDX-License-Identifier: MIT
"""One point of a sweep: a cut, and the way in which it is judged."""

import sqlite3
from dataclasses import dataclass
from typing import Self, assert_never

from rig.errors import UsageError
from rig.faults.plan import BadBundlePlan, Cut, CutAtMark, CutAtOperation, NoFault, parse

SHORT, LONG, TIMED = "short", "long", "timed"


@dataclass(frozen=True, slots=True)
class Point:
    """One cut that is to be judged: by the short way or the long one, or cut by the clock."""

    cut: Cut
    way: str
    stratum: int = 0  # of a cut by the clock: which, from 1

    @property
    def number(self) -> int:
        match self.cut:
            case CutAtOperation():
                return self.cut.operation
            case CutAtMark():
                return self.stratum
            case _:
                assert_never(self.cut)

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """Return the cut and those nested in it."""
        match self.cut:
            case CutAtOperation():
                return self.cut.cuts
            case CutAtMark():
                return (self.cut,)
            case _:
                assert_never(self.cut)

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Return the point of a row with plan, way and number."""
        cut = parse(row["plan"])
        match cut:
            case CutAtOperation():
                return cls(cut, row["way"])
            case CutAtMark():
                return cls(cut, row["way"], row["number"])
            case NoFault() | BadBundlePlan():
                raise UsageError(f"{row['plan']!r} is no cut")
            case _:
                assert_never(cut)
