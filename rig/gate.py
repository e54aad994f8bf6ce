# SPDX-License-Identifier: MIT
"""Holds a night against the nights before: what got worse, since when, and whose it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rig.errors import UsageError
from rig.statistics import median, worst
from rig.trend import change, holm, median_p, split_p, worst_p

ALPHA = 0.05  # of one call: the chance that it names anything although nothing has changed
BASELINE_MIN = 4  # nights; the spread of fewer says nothing
SUSPECT = 0.05  # a floor that rose so surely, uncorrected: the lab is suspected rather too often


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One figure of one type of step."""

    step: str
    metric: str

    def __str__(self) -> str:
        return f"{self.metric} of {self.step}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A night's trials of one figure in seconds; `uncertainty` is theirs at 95 %, 0: not stated."""

    values: NDArray[np.float64]
    uncertainty: float = 0.0
    calibrations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One run: its trials, and what is known of the bench that night."""

    label: str
    run: str = ""
    place: str = ""
    started_at_s: float = 0.0
    samples: Mapping[Key, Sample]
    instruments: Mapping[str, str] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)
    left_out: int = 0  # trials that ended badly: they have no time


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A figure that got worse; `p` is corrected, `reasons` say why the lab is suspected."""

    key: Key
    figure: str  # median, worst or trend
    night: str
    before_s: float
    after_s: float
    p: float
    reasons: tuple[str, ...]

    @property
    def whose(self) -> str:
        return "lab" if self.reasons else "product"

    def __str__(self) -> str:
        figure = {"trend": "median over nights"}.get(self.figure, self.figure)
        text = f"{self.key}: {figure} worse since {self.night}: {self.before_s:.4g} s →"
        text += f" {self.after_s:.4g} s (p = {self.p:.2g}, corrected); {self.whose}"
        return f"{text} suspected: {'; '.join(self.reasons)}" if self.reasons else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a gate says of the last of its nights."""

    findings: tuple[Finding, ...]
    compared: int  # tests that were made
    missing: tuple[str, ...]  # figures that the nights before had
    alpha: float

    @property
    def verdict(self) -> str:
        """Say who must act: product, bench or nobody (good)."""
        if any(finding.whose == "product" for finding in self.findings):
            return "product"
        return "bench" if self.findings or not self.compared else "good"


def judge(nights: Sequence[Night], alpha: float = ALPHA) -> Judgement:
    """Compare the last night with those before, and look for the night of a change.

    Half of `alpha` goes to each question; within each, Holm's correction.

    Raises:
        UsageError: there are too few nights, or `alpha` is no probability.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha lies between 0 and 1, not {alpha}")
    if len(nights) <= BASELINE_MIN:
        raise UsageError(
            f"{len(nights)} runs of this place: a gate needs the one to judge and at least"
            f" {BASELINE_MIN} before it"
        )
    had = sorted({key for night in nights[:-1] for key in night.samples})
    tonight = nights[-1].samples
    with_it = {key: [night for night in nights if key in night.samples] for key in had}
    able = [key for key in had if key in tonight and len(with_it[key]) > BASELINE_MIN]
    found = [
        *_tonight(able, with_it, alpha / 2),
        *_trends([key for key in had if len(with_it[key]) > BASELINE_MIN], with_it, alpha / 2),
    ]
    return Judgement(
        findings=tuple(sorted(found, key=lambda finding: finding.p)),
        compared=2 * len(able),
        missing=tuple(str(key) for key in had if key not in tonight),
        alpha=alpha,
    )


def _tonight(
    keys: Sequence[Key], with_it: Mapping[Key, list[Night]], alpha: float
) -> list[Finding]:
    asked: list[tuple[Key, str, Callable[..., float]]] = []
    for key in keys:
        asked += [(key, "median", median), (key, "worst", worst)]
    tests = {"median": median_p, "worst": worst_p}
    found = []
    for key, figure, _ in asked:
        trials = [night.samples[key].values for night in with_it[key]]
        found.append(tests[figure](trials[:-1], trials[-1]))
    findings = []
    for (key, figure, of), p in zip(asked, holm(found), strict=True):
        nights = with_it[key]
        figures = [of(list(night.samples[key].values)) for night in nights]
        if p <= alpha:
            findings += _finding(key, figure, nights, figures, len(nights) - 1, p)
    return findings


def _trends(keys: Sequence[Key], with_it: Mapping[Key, list[Night]], alpha: float) -> list[Finding]:
    nightly = {
        key: [median(list(night.samples[key].values)) for night in with_it[key]] for key in keys
    }
    changes = [change(nightly[key]) for key in keys]
    findings = []
    for key, found, p in zip(keys, changes, holm([one.p for one in changes]), strict=True):
        if p <= alpha:
            findings += _finding(key, "trend", with_it[key], nightly[key], found.at, p)
    return findings


def _finding(
    key: Key, figure: str, nights: list[Night], figures: list[float], at: int, p: float
) -> list[Finding]:
    """Return the finding, unless the change is smaller than what the instrument can tell."""
    before, after = median(figures[:at]), median(figures[at:])
    if after - before <= nights[at].samples[key].uncertainty:
        return []
    return [
        Finding(
            key=key,
            figure=figure,
            night=nights[at].label,
            before_s=before,
            after_s=after,
            p=p,
            reasons=suspicions(key, nights, at),
        )
    ]


def suspicions(key: Key, nights: Sequence[Night], at: int) -> tuple[str, ...]:
    """Say what of the bench changed with night `at`, too."""
    last, first = nights[at - 1], nights[at]
    reasons = [
        f"{name} was {last.instruments.get(name, 'absent')}, is"
        f" {first.instruments.get(name, 'absent')}"
        for name in sorted(last.instruments.keys() | first.instruments.keys())
        if last.instruments.get(name) != first.instruments.get(name)
    ]
    if last.samples[key].calibrations != first.samples[key].calibrations:
        reasons.append("another calibration")
    for name in sorted({name for night in nights for name in night.floors}):
        known = [
            (at <= n, night.floors[name]) for n, night in enumerate(nights) if name in night.floors
        ]
        values = [value for _, value in known]
        split = sum(not after for after, _ in known)
        if 0 < split < len(values) and len(values) > 2 and split_p(values, split) <= SUSPECT:
            rise = f"{median(values[:split]):.4g} → {median(values[split:]):.4g}"
            reasons.append(f"the undisturbed bench got worse ({name}: {rise})")
    return tuple(reasons)
