# SPDX-License-Identifier: MIT
"""What the outcomes of trials let one say: shares and bounds.  Where the bench failed, nothing."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rig.faults.outcome import Outcome
from rig.measure.statistics import clopper_pearson, clopper_pearson_upper

GOOD = {outcome.value for outcome in Outcome if outcome.good}
BENCH = Outcome.bench.value


def counted(outcomes: Iterable[str | None]) -> dict[str, int]:
    """Count each outcome, by name; what has none yet is left out."""
    return dict(sorted(Counter(name for name in outcomes if name).items()))


def upper_bound(counts: dict[str, int]) -> float | None:
    """Return the one-sided 95 % bound of the failure rate; None without a trial."""
    trials = sum(count for name, count in counts.items() if name != BENCH)
    failures = sum(count for name, count in counts.items() if name not in {*GOOD, BENCH})
    return clopper_pearson_upper(failures, trials) if trials else None


def shares(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Return each outcome's share of the trials with its two-sided 95 % bounds."""
    kept = {name: count for name, count in counts.items() if name != BENCH}
    trials = sum(kept.values())
    rows = []
    for name, count in kept.items():
        bounds = clopper_pearson(count, trials)
        rows.append(
            {
                "outcome": name,
                "count": count,
                "share": count / trials,
                "low": bounds.low,
                "high": bounds.high,
            }
        )
    return rows
