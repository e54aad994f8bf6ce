# SPDX-License-Identifier: MIT
"""A fault plan's text is its name: it reads back to the same plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import UsageError
from rig.faults.outcome import Outcome
from rig.faults.plan import ALLOWED, SEED_MAX, CutAtMark, CutAtOperation, Kind, Plan, parse

operations = st.integers(1, 10**9)
cuts = st.one_of(
    st.builds(
        CutAtOperation, operation=operations, kind=st.sampled_from([Kind.before, Kind.after])
    ),
    st.builds(
        CutAtOperation,
        operation=operations,
        kind=st.just(Kind.torn),
        seed=st.integers(0, SEED_MAX),
    ),
    st.builds(
        CutAtMark,
        phase=st.sampled_from(["staging", "run"]),
        event=st.sampled_from(["write", "commit"]),
        percent=st.none() | st.integers(0, 100),
        delay_ms=st.integers(0, 99_999_999),
    ),
)


@given(cuts)
def test_a_plan_reads_back_from_its_text(plan: Plan) -> None:
    assert parse(str(plan)) == plan


@pytest.mark.parametrize("text", ALLOWED)
def test_each_documented_form_is_canonical(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "cut@op:0/torn:seed=1", "cut@op:7", "cut@op:7/before:seed=1", "bundle:../x", "cat"]
)
def test_other_text_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_only_three_outcomes_are_good() -> None:
    good = {outcome.value for outcome in Outcome if outcome.good}
    assert good == {"new", "old", "recovered"}


def test_every_outcome_is_good_bad_or_the_benchs() -> None:
    bad = {outcome.value for outcome in Outcome if outcome.bad}
    assert bad == {"mixed", "silent", "lost-state", "bricked"}
    assert not Outcome.bench.good
