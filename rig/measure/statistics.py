# SPDX-License-Identifier: MIT
"""What a number of trials lets us claim, docs/explanation/measuring.md; no normal distributions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special


@dataclass(frozen=True, slots=True)
class Bounds:
    """A confidence interval; None where the sample is too small to give that side."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Band:
    """An empirical distribution: at `values` the share of the sample, and what it may be.

    `half` is the band's half-width, everywhere the same before it is cut to 0 and 1.
    """

    values: NDArray[np.float64]
    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    half: float


def median(sample: Sequence[float]) -> float:
    _need(len(sample) > 0, "a median needs a sample")
    return float(np.median(sample))


def worst(sample: Sequence[float]) -> float:
    _need(len(sample) > 0, "a worst case needs a sample")
    return max(sample)


def order_statistic_bounds(
    sample: Sequence[float], quantile: float, confidence: float = 0.95
) -> Bounds:
    """Return a distribution-free confidence interval of a quantile.

    The number of values below the quantile is binomial, so two ranks of the ordered sample hold
    it with at least `confidence` (David and Nagaraja, Order Statistics, section 7.1).
    """
    _need(len(sample) > 0, "bounds need a sample")
    _need(0 < quantile < 1, f"a quantile lies between 0 and 1, not {quantile}")
    _need(0 < confidence < 1, f"a confidence lies between 0 and 1, not {confidence}")
    ordered = sorted(sample)
    count = len(ordered)
    tail = (1 - confidence) / 2
    below = special.bdtr(np.arange(count), count, quantile)  # P(at most i values are below)
    low = int(np.count_nonzero(below <= tail))  # rank of the lower bound, 0: none
    high = int(np.count_nonzero(below < 1 - tail)) + 1
    return Bounds(
        low=ordered[low - 1] if low else None, high=ordered[high - 1] if high <= count else None
    )


def clopper_pearson_upper(failures: int, trials: int, confidence: float = 0.95) -> float:
    """Return the one-sided upper bound of a failure probability (Clopper, Pearson 1934)."""
    _need(0 <= failures <= trials, f"{failures} failures of {trials} trials")
    _need(trials > 0, "a bound needs a trial")
    if failures == trials:
        return 1.0
    return float(special.betaincinv(failures + 1, trials - failures, confidence))


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> Bounds:
    """Return the two-sided interval of a success probability (Clopper, Pearson 1934)."""
    tail = (1 - confidence) / 2
    return Bounds(
        low=1.0 - clopper_pearson_upper(trials - successes, trials, 1 - tail),
        high=clopper_pearson_upper(successes, trials, 1 - tail),
    )


def success_run_trials(reliability: float, confidence: float = 0.95) -> int:
    """Return how many trials without failure show `reliability`: ⌈ln(1 - C) / ln R⌉."""
    _need(0 < reliability < 1, f"a reliability lies between 0 and 1, not {reliability}")
    _need(0 < confidence < 1, f"a confidence lies between 0 and 1, not {confidence}")
    return math.ceil(math.log(1 - confidence) / math.log(reliability))


def trials_needed(probability: float, failures: int, confidence: float = 0.95) -> int:
    """Return how many trials with so many failures still show a rate of at most `probability`."""
    _need(0 < probability < 1, f"a probability lies between 0 and 1, not {probability}")
    trials = failures + 1
    while special.bdtr(failures, trials, probability) > 1 - confidence:
        trials += 1
    return trials


def ecdf_band(sample: Sequence[float], confidence: float = 0.95) -> Band:
    """Return the sample's distribution with its band (Dvoretzky, Kiefer, Wolfowitz; Massart)."""
    _need(len(sample) > 0, "a distribution needs a sample")
    values = np.sort(np.asarray(sample, dtype=np.float64))
    share = np.arange(1, values.size + 1) / values.size
    half = math.sqrt(math.log(2 / (1 - confidence)) / (2 * values.size))
    return Band(values, share, np.maximum(share - half, 0.0), np.minimum(share + half, 1.0), half)


def _need(fits: bool, message: str) -> None:
    if not fits:
        raise ValueError(message)
