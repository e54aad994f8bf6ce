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

from rig.statistics import median, worst

Trials = NDArray[np.float64]
TAIL = 0.025  # the worst fortieth of all trials is the tail
TAIL_MIN = 3


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
    values = np.asarray(nightly, dtype=np.float64)
    before, after = values[:at], values[at:]
    shift = float(after.mean() - before.mean())
    freedom = values.size - 2
    squares = float(((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum())
    spread = math.sqrt(squares / freedom * (1 / before.size + 1 / after.size))
    if spread <= 1e-9 * abs(float(before.mean())):  # figures that do not vary, but for rounding
        return 0.0 if shift > 1e-9 * abs(float(before.mean())) else 1.0
    return float(special.stdtr(freedom, -shift / spread))


def change(nightly: Sequence[float], *, first: int = 2) -> Change:
    """Return where one figure a night most likely got worse.

    The best of all splits is chosen, so its p is multiplied by their number (Bonferroni; Worsley
    1979 gives sharper bounds).
    """
    splits = range(first, len(nightly))
    found = [split_p(nightly, at) for at in splits]
    best = int(np.argmin(found))
    at = splits[best]
    shift = float(np.mean(nightly[at:]) - np.mean(nightly[:at]))
    return Change(at, shift, min(1.0, found[best] * len(splits)))


def median_p(before: Sequence[Trials], now: Trials) -> float:
    """Return the p of tonight's trials being no longer than those of the nights before.

    The larger of two (an intersection-union test): Mann and Whitney's rank test of the trials,
    and the night's median among the nights' medians.
    """
    ranks = stats.mannwhitneyu(now, np.concatenate(before), alternative="greater")
    medians = [median(list(trials)) for trials in (*before, now)]
    return max(float(ranks.pvalue), split_p(medians, len(before)))


def worst_p(before: Sequence[Trials], now: Trials) -> float:
    """Return the p of tonight's share of the worst trials being chance.

    How many of the worst fortieth of all trials are tonight's is hypergeometric when nothing has
    changed, whatever the distribution; equal values count against the change.  And, as above, the
    night's worst among the nights' worsts.
    """
    pooled = np.concatenate((*before, now))
    tonight = np.arange(pooled.size) >= pooled.size - now.size
    tail = max(TAIL_MIN, math.ceil(TAIL * pooled.size))
    order = np.lexsort((~tonight, pooled))  # of equals, the nights before rank as worse
    in_tail = int(tonight[order[-tail:]].sum())
    share = float(stats.hypergeom.sf(in_tail - 1, pooled.size, now.size, tail))
    worsts = [worst(list(trials)) for trials in (*before, now)]
    return max(share, split_p(worsts, len(before)))


def holm(found: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979): one false alarm is one too many."""
    order = np.argsort(found)
    scaled = np.asarray(found)[order] * np.arange(len(found), 0, -1)
    corrected = np.empty(len(found))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in corrected]
