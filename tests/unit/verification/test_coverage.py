# SPDX-License-Identifier: MIT
"""A proof that honest instruments pass, and that others do not."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import UsageError
from rig.measure.measurement import Verdict
from rig.outage.estimate import View, counter_outage, traffic_outage
from rig.outage.gaps import Gap, Times, longest_gap
from rig.verification.coverage import MEASURED_MIN, Trial, judge_verification
from rig.verification.interruptions import ALL, Settings, lengths

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "reference" / "calibration.schema.json"
PERIOD_S = 1e-3
VIEW = View(name="outage", source="simulated", period_s=PERIOD_S, floor_s=PERIOD_S)
MANY = Settings(gaps=300, from_s=2e-3, to_s=2.0)


def seen_by_traffic(length_s: float, chance: np.random.Generator) -> Times:
    """Return good answers around an interruption of the path, at any phase."""
    from_s = 0.2 + chance.random() * PERIOD_S
    times = np.arange(chance.random() * PERIOD_S, length_s + 0.4, PERIOD_S)
    return times[(times < from_s) | (times >= from_s + length_s)]


def seen_by_counter(length_s: float, chance: np.random.Generator) -> Times:
    """Return beats around an interruption after which they start anew."""
    before = np.arange(chance.random() * PERIOD_S, 0.2, PERIOD_S)
    return np.concatenate((before, np.arange(0.2 + length_s, 0.4 + length_s, PERIOD_S)))


def simulated(time_base: float = 1.0) -> list[Trial]:
    """Measure many interruptions with the formulas of campaigns, on streams that are known."""
    chance = np.random.default_rng(1)
    trials = []
    for length_s in lengths(MANY):
        for view, see, estimate in (
            ("traffic", seen_by_traffic, traffic_outage),
            ("counter", seen_by_counter, counter_outage),
        ):
            gap = longest_gap(see(length_s, chance) * time_base)
            event: Gap | None = gap if gap.length_s > VIEW.threshold_s else None
            measured = estimate(event, VIEW, longest_s=gap.length_s, taken_at_s=0.0)
            truth = replace(measured, value=length_s, uncertainty=1e-5)
            trials.append(Trial.of(view, length_s, truth, measured))
    return trials


def trial(error_s: float, uncertainty_s: float = 1e-3, true_s: float = 0.1) -> Trial:
    return Trial(
        view="traffic",
        length_s=true_s,
        true_s=true_s,
        true_uncertainty_s=1e-5,
        value_s=true_s + error_s,
        uncertainty_s=uncertainty_s,
        event=True,
    )


def test_the_formulas_of_campaigns_pass() -> None:
    found = judge_verification(simulated())
    assert found.verdict is Verdict.passed, found.reasons
    for row in found.rows:
        assert row.measured + row.no_loss > 0
        assert row.coverage is None or row.coverage >= 0.95
    everything = {row.view: row for row in found.rows if row.lengths == ALL}
    assert everything["traffic"].measured > MEASURED_MIN
    assert everything["counter"].no_loss == everything["counter"].no_loss_true > 0


def test_an_understated_uncertainty_fails() -> None:
    found = judge_verification(simulated(), scale=0.2)
    assert found.verdict is Verdict.failed
    assert any("covered, 95 % are stated" in reason for reason in found.reasons)
    assert any("no loss" in reason for reason in found.reasons)


def test_a_clock_that_runs_wrong_fails_at_long_lengths_only() -> None:
    found = judge_verification(simulated(time_base=1.003))
    biased = [reason for reason in found.reasons if "bias" in reason]
    assert found.verdict is Verdict.failed
    assert biased
    assert all("0.2 … 2 s" in reason or ALL in reason for reason in biased)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-5, 1.0), st.integers(MEASURED_MIN, 300))
def test_errors_within_what_is_stated_pass_and_five_times_as_large_fail(
    seed: int, stated_s: float, count: int
) -> None:
    errors = np.random.default_rng(seed).uniform(-stated_s, stated_s, count)
    honest = [replace(trial(e, stated_s), true_uncertainty_s=stated_s / 10) for e in errors]
    boasting = [replace(trial(5 * e, stated_s), true_uncertainty_s=0.0) for e in errors]
    assert judge_verification(honest).verdict is Verdict.passed
    assert judge_verification(boasting).verdict is Verdict.failed


def test_clean_intervals_that_are_few_show_nothing() -> None:
    assert judge_verification([trial(0.0)] * (MEASURED_MIN - 1)).verdict is Verdict.unclear
    assert judge_verification([trial(0.0)] * MEASURED_MIN).verdict is Verdict.passed
    assert judge_verification([]).verdict is Verdict.unclear


def test_a_reference_as_vague_as_the_instrument_shows_nothing() -> None:
    vague = [replace(trial(0.0), true_uncertainty_s=5e-4)] * 100
    found = judge_verification(vague)
    assert found.verdict is Verdict.unclear
    assert "reference" in found.reasons[0]


def test_no_loss_is_true_only_below_its_resolution() -> None:
    claim = replace(trial(0.0), value_s=0.0, event=False, true_s=0.010, uncertainty_s=0.011)
    good = [trial(0.0)] * 100
    assert judge_verification([*good, *[claim] * 20]).verdict is Verdict.passed
    found = judge_verification([*good, *[replace(claim, uncertainty_s=0.009)] * 20])
    assert found.verdict is Verdict.failed
    assert "no loss" in found.reasons[0]


def test_claims_of_no_loss_do_not_hide_intervals_that_are_too_narrow() -> None:
    """94 of 100 are covered; with 100 true claims of no loss it would be 97 %."""
    claim = replace(trial(0.0), value_s=0.0, event=False, true_s=0.010, uncertainty_s=0.011)
    events = [trial(0.0)] * 94 + [trial(2e-3)] * 3 + [trial(-2e-3)] * 3
    assert judge_verification([*events, *[claim] * 100]).verdict is Verdict.failed


def test_lengths_are_the_same_for_the_same_seed_and_span_what_was_asked_for() -> None:
    one, other = lengths(Settings(seed=1)), lengths(Settings(seed=2))
    assert lengths(Settings(seed=1)) == one != other
    assert sorted(one) == sorted(other)
    assert [min(one), max(one)] == pytest.approx([2e-3, 20.0])
    assert np.diff(np.log(sorted(one))) == pytest.approx(np.log(1e4) / 199)


@pytest.mark.parametrize(
    "wrong", [{"gaps": 0}, {"from_s": 1e-4}, {"to_s": 1e-3}, {"to_s": 1e4}, {"scale": 0.0}]
)
def test_what_cannot_be_measured_is_refused_at_once(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        replace(Settings(), **wrong).check()  # type: ignore[arg-type]


def test_the_decades_are_those_that_were_asked_for() -> None:
    found = judge_verification(simulated())
    names = [row.lengths for row in found.rows if row.view == "traffic"]
    assert names == ["0.002 … 0.02 s", "0.02 … 0.2 s", "0.2 … 2 s", ALL]


def test_rows_and_trials_fit_the_records_schema() -> None:
    trials = simulated()
    record = {
        "format": 1,
        "place": "virtual",
        "when": "2026-11-25T00:00:00+00:00",
        "settings": asdict(MANY),
        "views": ["traffic", "counter"],
        "instruments": {"traffic": "a probe", "reference": "a gate"},
        "floors": {},
        "verdict": "passed",
        "reasons": [],
        "rows": [asdict(row) for row in judge_verification(trials).rows],
        "trials": [asdict(trial) for trial in trials],
    }
    jsonschema.validate(json.loads(json.dumps(record)), json.loads(SCHEMA.read_text()))
