# SPDX-License-Identifier: MIT
"""Holds a night against the nights before: what got worse, since when, and whose it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rig.errors import UsageError
from rig.measure.statistics import median
from rig.nights.missing import Lapse, failures, missing
from rig.nights.night import FigureKey, Night, Sample
from rig.nights.significance import change, holm, median_p, split_p, worst_p

ALPHA = 0.05  # of LOOKS calls: the chance that any names anything although nothing has changed
LOOKS = 10  # nights in a row that share ALPHA: a gate is asked after every night
QUESTIONS = 3  # do more trials fail, is tonight worse, since when: they share it, too
BASELINE_MIN = 4  # nights; the spread of fewer says nothing
SUSPECT = 0.05  # a floor that rose so surely, uncorrected: the lab is suspected rather too often
TESTS = {"median": median_p, "worst": worst_p}


@dataclass(frozen=True, slots=True, kw_only=True)
class NightFinding:
    """A figure that got worse; `p` is corrected, `reasons` say why the lab is suspected."""

    key: FigureKey
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

    findings: tuple[NightFinding, ...]
    lapses: tuple[Lapse, ...]
    compared: int  # figures' tests that were made of the last night
    alpha: float
    undated: tuple[Night, ...] = ()  # not judged, and any of them may be the newest

    @property
    def verdict(self) -> str:
        """Say who must act: product, bench or nobody (good).

        Good is said of the newest night, so never while nobody knows which that is.
        """
        suspects = {finding.whose for finding in self.findings}
        suspects |= {lapse.whose for lapse in self.lapses}
        if "product" in suspects:
            return "product"
        return "bench" if suspects or self.undated or not self.compared else "good"


def judge_nights(
    nights: Sequence[Night], alpha: float = ALPHA, undated: Sequence[Night] = ()
) -> Judgement:
    """Compare the last night with those before, and look for the night of a change.

    Nights that are `undated` are named and not judged.

    If nothing changes, the chance that any of LOOKS calls, one after each night, names anything is
    at most `alpha`: each has its part, each question a third of that, and within one there is
    Holm's correction.

    Raises:
        UsageError: there are too few nights, or `alpha` is no probability.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha lies between 0 and 1, not {alpha}")
    if len(nights) <= BASELINE_MIN:
        more = f"; {len(undated)} more bear a date that cannot be" if undated else ""
        raise UsageError(
            f"{len(nights)} runs of this place: a gate needs the one to judge and at least"
            f" {BASELINE_MIN} before it{more}"
        )
    had = sorted({key for night in nights for key in night.samples})
    with_it = {key: [night for night in nights if key in night.samples] for key in had}
    with_it = {key: having for key, having in with_it.items() if len(having) > BASELINE_MIN}
    able = {key: having for key, having in with_it.items() if key in nights[-1].samples}
    findings = [*_tonight(able, alpha), *_trends(with_it, alpha)]
    return Judgement(
        findings=tuple(sorted(findings, key=lambda finding: finding.p)),
        lapses=(*_failures(nights, alpha), *missing(nights)),
        compared=len(TESTS) * len(able),
        alpha=alpha,
        undated=tuple(undated),
    )


def _failures(nights: Sequence[Night], alpha: float) -> list[Lapse]:
    shares = failures(nights)
    corrected = _corrected([share.p for share in shares])
    return [
        Lapse(what=share.what, whose=share.whose, p=p)
        for share, p in zip(shares, corrected, strict=True)
        if p <= alpha
    ]


def _tonight(able: Mapping[FigureKey, list[Night]], alpha: float) -> list[NightFinding]:
    asked = [(key, figure) for key in able for figure in TESTS]
    level = alpha / (QUESTIONS * LOOKS)
    found = [_worse_p(key, figure, able[key], level) for key, figure in asked]
    findings = []
    for (key, figure), p in zip(asked, _corrected(found), strict=True):
        if p <= alpha:
            nightly = _nightly(key, figure, able[key])
            findings += _finding(key, figure, able[key], nightly, len(nightly) - 1, p)
    return findings


def _worse_p(key: FigureKey, figure: str, nights: Sequence[Night], level: float) -> float:
    """Return the larger p of two witnesses (an intersection-union test): nights and trials.

    Where the nights' alone is above `level` there is no finding, and the trials are not asked.
    """
    nightly = _nightly(key, figure, nights)
    of_nights = split_p(nightly, len(nightly) - 1)
    if of_nights > level:
        return of_nights
    trials = [night.samples[key].values for night in nights]
    return max(of_nights, TESTS[figure](trials[:-1], trials[-1]))


def _trends(with_it: Mapping[FigureKey, list[Night]], alpha: float) -> list[NightFinding]:
    nightly = {key: _nightly(key, "median", nights) for key, nights in with_it.items()}
    changes = [change(medians) for medians in nightly.values()]
    findings = []
    corrected = _corrected([found.p for found in changes])
    for key, found, p in zip(with_it, changes, corrected, strict=True):
        if p <= alpha:
            findings += _finding(key, "trend", with_it[key], nightly[key], found.at, p)
    return findings


def _nightly(key: FigureKey, figure: str, nights: Sequence[Night]) -> list[float]:
    samples = [night.samples[key] for night in nights]
    return [one.worst if figure == "worst" else one.median for one in samples]


def _corrected(found: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, the questions, and the nights that share."""
    return [min(1.0, p * QUESTIONS * LOOKS) for p in holm(found)]


def _finding(
    key: FigureKey, figure: str, nights: list[Night], figures: list[float], at: int, p: float
) -> list[NightFinding]:
    """Return the finding, unless the change is smaller than what the instrument can tell."""
    before, after = median(figures[:at]), median(figures[at:])
    if after - before <= nights[at].samples[key].uncertainty:
        return []
    return [
        NightFinding(
            key=key,
            figure=figure,
            night=nights[at].label,
            before_s=before,
            after_s=after,
            p=p,
            reasons=suspicions(key, nights, at),
        )
    ]


def suspicions(key: FigureKey, nights: Sequence[Night], at: int) -> tuple[str, ...]:
    """Say what of the bench changed with night `at`, too."""
    last, first = nights[at - 1], nights[at]
    reasons = [
        f"{name} was {last.instruments.get(name, 'absent')}, is"
        f" {first.instruments.get(name, 'absent')}"
        for name in sorted(last.instruments.keys() | first.instruments.keys())
        if last.instruments.get(name) != first.instruments.get(name)
    ]
    was, now = last.samples[key], first.samples[key]
    if was.verified != now.verified:
        reasons.append(f"was {_standing(was)}, is {_standing(now)}")
    for name in sorted({name for night in nights for name in night.bench}):
        known = [
            (at <= n, night.bench[name]) for n, night in enumerate(nights) if name in night.bench
        ]
        values = [value for _, value in known]
        split = sum(not after for after, _ in known)
        if 0 < split < len(values) and len(values) > 2 and split_p(values, split) <= SUSPECT:
            rise = f"{median(values[:split]):.4g} → {median(values[split:]):.4g}"
            reasons.append(f"the bench itself got worse ({name}: {rise})")
    return tuple(reasons)


def _standing(sample: Sample) -> str:
    return f"verified ({max(sample.calibrations)})" if sample.verified else "not verified"
