# SPDX-License-Identifier: MIT
"""From what was seen of a board to the outcome of a trial, docs/explanation/fault-model.md."""

from dataclasses import dataclass

from rig.faults.plan import Outcome


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


def judge(facts: Facts) -> Outcome:
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
