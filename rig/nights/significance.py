# SPDX-License-Identifier: MIT
"""Did it get worse?  Tests of one figure over nights, docs/explanation/gate.md; larger is worse.

Nights differ by themselves, so trials of one night are no independent witnesses of a change:
every claim needs the nights' own spread as a witness, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Trials = NDArray[np.float64]
TAIL = 0.025  # the worst fortieth of all trials is the tail
TAIL_MIN = 3
ROUNDING = 1e-9  # of a figure; nights that differ by less do not vary


@dataclass(frozen=True, slots=True)
class Change:
    """From night `at` (from 0) on, the figure is larger by `shift`; `p` of that by chance."""

    at: int
    shift: float
    p: float


def split_p(nightly: Sequence[float], at: int) -> float:
    """Return the p of one figure a night being no larger from night `at` on (Student, pooled).

    With one night after the split this is the prediction interval of a new night.
    """
    before, after = nightly[:at], nightly[at:]
    mean, new = sum(before) / len(before), sum(after) / len(after)
    squares = sum((one - mean) ** 2 for one in before) + sum((one - new) ** 2 for one in after)
    freedom = len(nightly) - 2
    spread = math.sqrt(squares / freedom * (1 / len(before) + 1 / len(after)))
    least = ROUNDING * abs(mean)
    if spread <= least:
        return 0.0 if new - mean > least else 1.0
    return float(special.stdtr(freedom, (mean - new) / spread))


def change(nightly: Sequence[float], *, first: int = 2) -> Change:
    """Return where one figure a night most likely got worse.

    The best of all splits is chosen, so its p is multiplied by their number (Bonferroni; Worsley
    1979 gives sharper bounds).
    """
    splits = range(first, len(nightly))
    found = [split_p(nightly, at) for at in splits]
    best = min(found)
    at = splits[found.index(best)]
    shift = sum(nightly[at:]) / len(nightly[at:]) - sum(nightly[:at]) / at
    return Change(at, shift, min(1.0, best * len(splits)))


def median_p(before: Sequence[Trials], now: Trials) -> float:
    """Return the p of tonight's trials being no longer than those of the nights before.

    Mann and Whitney's rank test: one witness, of the trials.
    """
    ranks = stats.mannwhitneyu(now, np.concatenate(before), alternative="greater")
    return float(ranks.pvalue)


def worst_p(before: Sequence[Trials], now: Trials) -> float:
    """Return the p of tonight's share of the worst trials being chance.

    How many of the worst fortieth of all trials are tonight's is hypergeometric when nothing has
    changed, whatever the distribution; equal values count against the change.  One witness.
    """
    pooled = np.concatenate((*before, now))
    tonight = np.arange(pooled.size) >= pooled.size - now.size
    tail = max(TAIL_MIN, math.ceil(TAIL * pooled.size))
    order = np.lexsort((~tonight, pooled))  # of equals, the nights before rank as worse
    return share_p(int(tonight[order[-tail:]].sum()), now.size, tail, pooled.size)


def share_p(now: int, trials: int, of_all: int, all_trials: int) -> float:
    """Return the p of `now` or more of tonight's `trials` being among `of_all` by chance.

    Fisher's exact test, one-sided: hypergeometric.
    """
    return float(stats.hypergeom.sf(now - 1, all_trials, of_all, trials))


def holm(found: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979): one false alarm is one too many."""
    order = np.argsort(found)
    scaled = np.asarray(found)[order] * np.arange(len(found), 0, -1)
    corrected = np.empty(len(found))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in corrected]
