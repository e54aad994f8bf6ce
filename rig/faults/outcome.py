# SPDX-License-Identifier: MIT
"""How a board may come out, and what that is judged by, docs/explanation/fault-model.md."""

import enum
from dataclasses import dataclass
from typing import assert_never


class Outcome(enum.Enum):
    """What became of the board, docs/explanation/fault-model.md."""

    new = "new"
    old = "old"
    recovered = "recovered"
    mixed = "mixed"
    silent = "silent"
    lost_state = "lost-state"
    bricked = "bricked"
    bench = "bench"

    @property
    def good(self) -> bool:
        match self:
            case Outcome.new | Outcome.old | Outcome.recovered:
                return True
            case Outcome.mixed | Outcome.silent | Outcome.lost_state | Outcome.bricked:
                return False
            case Outcome.bench:
                return False
            case _:
                assert_never(self)

    @property
    def bad(self) -> bool:
        """Tell whether it is the board's failure: neither good nor the bench's."""
        return not self.good and self is not Outcome.bench


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the verdict rests on."""

    came_back: bool
    before: str
    wanted: str
    after: str | None
    consistent: bool  # kernel and root file system are of one release
    state_kept: bool
    must_refuse: bool
    refused: bool
    boots: int
    boots_expected: int


def judge_board(facts: Facts) -> Outcome:
    """Give the verdict, the worst that applies (docs/explanation/fault-model.md)."""
    if not facts.came_back:
        return Outcome.bricked
    if not facts.state_kept:
        return Outcome.lost_state
    if facts.must_refuse and not facts.refused:
        return Outcome.silent
    if not facts.consistent or facts.after not in {facts.before, facts.wanted}:
        return Outcome.mixed
    if facts.boots > facts.boots_expected:
        return Outcome.recovered
    return Outcome.new if facts.after == facts.wanted != facts.before else Outcome.old
