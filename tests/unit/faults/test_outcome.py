# SPDX-License-Identifier: MIT
"""The verdict: every outcome can be reached, and the worst one wins."""

from dataclasses import replace

import pytest

from rig.faults.outcome import Facts, Outcome, judge_board

GOOD = Facts(
    came_back=True,
    before="1.0.0",
    wanted="2.0.0",
    after="2.0.0",
    consistent=True,
    state_kept=True,
    must_refuse=False,
    refused=False,
    boots=1,
    boots_expected=1,
)


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        (GOOD, Outcome.new),
        (replace(GOOD, after="1.0.0"), Outcome.old),
        (replace(GOOD, boots=3), Outcome.recovered),
        (replace(GOOD, consistent=False), Outcome.mixed),
        (replace(GOOD, after="1.1.0"), Outcome.mixed),
        (replace(GOOD, after=None), Outcome.mixed),
        (replace(GOOD, must_refuse=True), Outcome.silent),
        (replace(GOOD, must_refuse=True, refused=True, after="1.0.0"), Outcome.old),
        (replace(GOOD, state_kept=False), Outcome.lost_state),
        (replace(GOOD, came_back=False), Outcome.bricked),
        (replace(GOOD, came_back=False, state_kept=False, consistent=False), Outcome.bricked),
        (replace(GOOD, state_kept=False, boots=3), Outcome.lost_state),
    ],
)
def test_the_worst_that_applies_is_the_verdict(facts: Facts, outcome: Outcome) -> None:
    assert judge_board(facts) is outcome


def test_every_outcome_but_bench_can_be_judged() -> None:
    reached = {
        judge_board(GOOD),
        judge_board(replace(GOOD, after="1.0.0")),
        judge_board(replace(GOOD, boots=2)),
        judge_board(replace(GOOD, consistent=False)),
        judge_board(replace(GOOD, must_refuse=True)),
        judge_board(replace(GOOD, state_kept=False)),
        judge_board(replace(GOOD, came_back=False)),
    }
    assert reached == set(Outcome) - {Outcome.bench}
