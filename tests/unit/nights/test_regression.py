# SPDX-License-Identifier: MIT
"""The gate: nights that do not change are silent, a slower boot is named with its night."""

import numpy as np
from scipy import special, stats

from rig.measure.statistics import clopper_pearson_upper
from rig.nights.night import FigureKey, Night, Sample
from rig.nights.regression import ALPHA, BASELINE_MIN, LOOKS, judge_nights
from rig.nights.significance import holm

NIGHTS, TRIALS = 10, 20
SERIES = 240
STEPS = ("1.0.0 → 2.0.0", "2.0.0 → 1.0.0")
# Seconds; how much of each is boot, so that a slower boot shows in it.
METRICS = {
    "phase.T1": (34.0, 0.0),
    "phase.T2": (6.3, 0.9),
    "phase.T3": (1.4, 0.0),
    "boot": (5.8, 1.0),
    "outage.traffic": (1.7, 0.5),
    "outage.counter": (1.7, 0.5),
}
NIGHT_SPREAD, TRIAL_SPREAD = 0.01, 0.03  # of the figure; the bench's own are of this size
STRAGGLERS = 0.02  # trials that take half as long again
FAIL = 0.01  # of the trials


def simulated(seed: int, *, slower: float = 0.0, night: int = 7) -> list[Night]:
    """Return ten nights with skewed trials, nights of their own and, from `night` on, a change."""
    random = np.random.default_rng(seed)
    nights = []
    for number in range(1, NIGHTS + 1):
        samples = {}
        for step in STEPS:
            of_night = np.exp(random.normal(0, NIGHT_SPREAD, len(METRICS)))
            for (metric, (typical_s, boot)), factor in zip(METRICS.items(), of_night, strict=True):
                skewed = 1 + TRIAL_SPREAD * (random.gamma(2.0, 1.0, TRIALS) - 2.0)
                late = np.where(random.random(TRIALS) < STRAGGLERS, 1.5, 1.0)
                worse = 1 + slower * boot if number >= night else 1.0
                values = np.round(typical_s * factor * skewed * late * worse, 6)
                samples[FigureKey(step, metric)] = Sample(values, 0.004)
        floors = {"floor.traffic": float(random.gamma(8.0, 0.0006))}
        trials = TRIALS * len(STEPS)
        nights.append(
            Night(
                label=f"night {number}",
                samples=samples,
                instruments={"counter": "a"},
                bench=floors,
                trials=trials,
                failed=int(random.binomial(trials, FAIL)),
            )
        )
    return nights


def lower_bound(hits: int, trials: int) -> float:
    """Return Clopper and Pearson's one-sided 95 % bound of a rate from below."""
    return float(special.betaincinv(hits, trials - hits + 1, 0.05)) if hits else 0.0


def alarms(series: int, alpha: float = ALPHA) -> int:
    """Return how many series without a change alarm at all, asked after every night."""
    asked = range(BASELINE_MIN + 1, NIGHTS + 1)
    found = [
        any(judge_nights(nights[:night], alpha).verdict != "good" for night in asked)
        for nights in map(simulated, range(series))
    ]
    return sum(found)


def test_ten_nights_without_a_change_are_silent_as_often_as_is_promised() -> None:
    """Not each call: a gate is asked after every night, and one false alarm is one too many."""
    loud = alarms(SERIES)

    print(f"series with a false alarm: {loud} of {SERIES}")  # noqa: T201 # the figure is the result
    assert clopper_pearson_upper(loud, SERIES) <= ALPHA


def test_without_sharing_alpha_among_the_nights_the_promise_would_be_broken() -> None:
    """The partner: each call at 5 % of its own, as if it were the only one."""
    series = 60
    assert lower_bound(alarms(series, ALPHA * LOOKS), series) > ALPHA


def test_a_slower_boot_from_night_7_is_named_with_its_night() -> None:
    """Ten per cent, asked after each night from then on."""
    series = 60
    named = dict.fromkeys(range(7, NIGHTS + 1), 0)
    for seed in range(1000, 1000 + series):
        nights = simulated(seed, slower=0.1)
        for asked in named:
            findings = judge_nights(nights[:asked]).findings
            found = {(one.key.metric, one.night) for one in findings}
            named[asked] += ("boot", "night 7") in found

    print(f"named: {named} of {series}")  # noqa: T201
    assert lower_bound(named[9], series) >= 0.6
    assert lower_bound(named[NIGHTS], series) >= 0.9


def test_the_simulation_can_be_loud() -> None:
    """The same tests without the nights' own spread as a witness cry wolf: it is needed."""
    loud = 0
    for seed in range(60):
        nights = simulated(seed)
        found = []
        for key in nights[0].samples:
            trials = [night.samples[key].values for night in nights]
            ranks = stats.mannwhitneyu(
                trials[-1], np.concatenate(trials[:-1]), alternative="greater"
            )
            found.append(float(ranks.pvalue))
        loud += min(holm(found)) <= 0.05
    assert lower_bound(loud, 60) > 0.05
