# SPDX-License-Identifier: MIT
"""Does the stated uncertainty hold?  Measured lengths against true ones; pure.

docs/explanation/measuring.md, "Shown, not claimed".
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rig.measure.measurement import Measurement, Verdict
from rig.measure.statistics import clopper_pearson, median, success_run_trials
from rig.verification.interruptions import ALL

COVERAGE = 0.95  # what k = 2 claims
MEASURED_MIN = success_run_trials(COVERAGE)  # 59: with fewer, even a clean sweep shows less
REFERENCE_SHARE = 1 / 3  # of the instrument's uncertainty, that the reference may have itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One interruption of known length, as one view of it came out."""

    view: str
    length_s: float  # that was asked for
    true_s: float
    true_uncertainty_s: float
    value_s: float
    uncertainty_s: float
    event: bool  # false: the instrument says "no loss"

    @classmethod
    def of(cls, view: str, length_s: float, truth: Measurement, measured: Measurement) -> "Trial":
        return cls(
            view=view,
            length_s=length_s,
            true_s=truth.value,
            true_uncertainty_s=truth.uncertainty,
            value_s=measured.value,
            uncertainty_s=measured.uncertainty,
            event=measured.value > 0,
        )

    @property
    def error_s(self) -> float:
        return self.value_s - self.true_s

    def holds(self, scale: float = 1.0) -> bool:
        """Tell whether the interval holds the truth.

        Of "no loss" the interval is from nothing to the resolution, so the same comparison says
        whether the true gap was below the stated resolution.
        """
        return abs(self.error_s) <= scale * self.uncertainty_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One view, one decade of true lengths (or all): seconds; None where nothing was measured.

    Claims of "no loss" are counted apart: they hold more easily, and would hide an interval that
    is too narrow.
    """

    view: str
    lengths: str
    measured: int
    bias_s: float | None
    spread_s: float | None
    largest_error_s: float | None
    uncertainty_s: float | None  # median
    reference_s: float | None  # median of the reference's own
    covered: int
    coverage: float | None
    coverage_low: float | None
    coverage_high: float | None
    no_loss: int
    no_loss_true: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationFinding:
    """The whole table, and what it shows."""

    verdict: Verdict
    reasons: tuple[str, ...]
    rows: tuple[Row, ...]


def judge_verification(trials: Sequence[Trial], scale: float = 1.0) -> VerificationFinding:
    """Hold every stated interval against the truth.

    Passed: for every view and decade the bias lies within the stated uncertainty and a coverage of
    95 % is not contradicted; for every view at least 95 % are covered, and at least 95 % of the
    "no loss" are true.  Unclear: too few intervals to show that, or a reference that is no better
    than what it is to judge.

    `scale` is a factor on every stated uncertainty; below 1 it shows that this proof can fail.
    """
    rows: list[Row] = []
    failed: list[str] = []
    unclear: list[str] = []
    for view in dict.fromkeys(trial.view for trial in trials):
        seen = [trial for trial in trials if trial.view == view]
        groups = list(_decades(seen))
        rows += [_row(view, name, group, scale) for name, group in [*groups, (ALL, seen)]]
    for row in rows:
        failed += _failures(row)
        unclear += _doubts(row, scale)
    if not trials:
        unclear.append("nothing was measured")
    verdict = Verdict.failed if failed else Verdict.unclear if unclear else Verdict.passed
    return VerificationFinding(verdict=verdict, reasons=(*failed, *unclear), rows=tuple(rows))


def _decades(trials: Sequence[Trial]) -> Iterable[tuple[str, list[Trial]]]:
    """Group by the decade of the length that was asked for, from the shortest on."""
    first_s = min(trial.length_s for trial in trials)
    groups: dict[int, list[Trial]] = {}
    for trial in sorted(trials, key=lambda trial: trial.length_s):
        # The last length of a whole number of decades belongs to the decade below it.
        decade = max(0, math.ceil(math.log10(trial.length_s / first_s) - 1e-9) - 1)
        groups.setdefault(decade, []).append(trial)
    for decade, group in groups.items():
        yield f"{first_s * 10**decade:g} … {first_s * 10 ** (decade + 1):g} s", group


def _row(view: str, name: str, group: Sequence[Trial], scale: float) -> Row:
    events = [trial for trial in group if trial.event]
    silent = [trial for trial in group if not trial.event]
    errors = [trial.error_s for trial in events]
    covered = sum(trial.holds(scale) for trial in events)
    bounds = clopper_pearson(covered, len(events)) if events else None
    return Row(
        view=view,
        lengths=name,
        measured=len(events),
        bias_s=float(np.mean(errors)) if errors else None,
        spread_s=float(np.std(errors, ddof=1)) if len(errors) > 1 else None,
        largest_error_s=max(map(abs, errors)) if errors else None,
        uncertainty_s=scale * median([t.uncertainty_s for t in events]) if events else None,
        reference_s=median([t.true_uncertainty_s for t in events]) if events else None,
        covered=covered,
        coverage=covered / len(events) if events else None,
        coverage_low=bounds.low if bounds else None,
        coverage_high=bounds.high if bounds else None,
        no_loss=len(silent),
        no_loss_true=sum(trial.holds(scale) for trial in silent),
    )


def _failures(row: Row) -> list[str]:
    where = f"{row.view}, {row.lengths}"
    found = []
    bias_s, doubt_s = row.bias_s or 0.0, row.uncertainty_s or 0.0
    if abs(bias_s) > doubt_s:
        bias, doubt = bias_s * 1e3, doubt_s * 1e3
        found.append(f"{where}: a bias of {bias:.3f} ms, stated ± {doubt:.3f} ms")
    if row.coverage_high is not None and row.coverage_high < COVERAGE:
        found.append(f"{where}: {row.covered} of {row.measured} covered contradict 95 %")
    if row.lengths == ALL:
        if row.coverage is not None and row.coverage < COVERAGE:
            found.append(f"{where}: {row.coverage:.1%} covered, 95 % are stated")
        if row.no_loss and row.no_loss_true < COVERAGE * row.no_loss:
            found.append(f"{where}: {row.no_loss_true} of {row.no_loss} 'no loss' are true")
    return found


def _doubts(row: Row, scale: float) -> list[str]:
    where = f"{row.view}, {row.lengths}"
    found = []
    if row.lengths == ALL and row.measured < MEASURED_MIN:
        found.append(f"{where}: {row.measured} intervals, {MEASURED_MIN} are needed to show 95 %")
    if row.reference_s is not None and row.uncertainty_s is not None:
        stated_s = row.uncertainty_s / scale
        if row.reference_s > REFERENCE_SHARE * stated_s:
            found.append(
                f"{where}: the reference itself is known to ± {row.reference_s * 1e3:.3f} ms only,"
                f" the instrument to ± {stated_s * 1e3:.3f} ms"
            )
    return found
