# SPDX-License-Identifier: MIT
"""One point of a sweep: a cut, and the way in which it is judged."""

import sqlite3
from dataclasses import dataclass
from typing import Self

from rig.errors import UsageError
from rig.faults import CutAtMark, CutAtOperation, parse

SHORT, LONG, TIMED = "short", "long", "timed"


@dataclass(frozen=True, slots=True)
class Point:
    """One cut that is to be judged: by the short way or the long one, or cut by the clock."""

    cut: CutAtOperation | CutAtMark
    way: str
    stratum: int = 0  # of a cut by the clock: which, from 1

    @property
    def number(self) -> int:
        return self.cut.operation if isinstance(self.cut, CutAtOperation) else self.stratum

    @property
    def cuts(self) -> tuple[CutAtOperation | CutAtMark, ...]:
        """Return the cut and those nested in it."""
        return self.cut.cuts if isinstance(self.cut, CutAtOperation) else (self.cut,)

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Return the point of a row with plan, way and number."""
        cut = parse(row["plan"])
        if isinstance(cut, CutAtOperation):
            return cls(cut, row["way"])
        if isinstance(cut, CutAtMark):
            return cls(cut, row["way"], row["number"])
        raise UsageError(f"{row['plan']!r} is no cut")
