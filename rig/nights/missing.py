# SPDX-License-Identifier: MIT
"""What has no time in the last night: trials that ended badly, figures that nobody measured."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rig.nights.night import FigureKey, Night
from rig.nights.significance import share_p


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Trials that ended badly, and the chance that they were no more than before."""

    what: str
    whose: str  # product or lab
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Something the last night should have had; `p` is None where no chance is involved."""

    what: str
    whose: str  # product or lab
    p: float | None = None

    def __str__(self) -> str:
        chance = "" if self.p is None else f" (p = {self.p:.2g}, corrected)"
        return f"{self.what}{chance}; {self.whose} suspected"


def failures(nights: Sequence[Night]) -> list[Share]:
    """Hold the shares of the last night's trials that ended badly against those before.

    The exact test of Fisher: were they drawn from all trials, how likely were so many of them
    tonight's?  Empty where there is nothing to compare.
    """
    last, before = nights[-1], _alike(nights)
    tried = sum(night.trials for night in before)
    if not last.trials or not tried:
        return []
    found = []
    for name, whose, now, then in (
        ("trials failed", "product", last.failed, sum(night.failed for night in before)),
        ("trials were spoiled", "lab", last.on_bench, sum(night.on_bench for night in before)),
    ):
        what = f"more {name}: {then} of {tried} before, {now} of {last.trials} in the last run"
        p = share_p(now, last.trials, now + then, last.trials + tried)
        found.append(Share(what=what, whose=whose, p=p))
    return found


def missing(nights: Sequence[Night]) -> list[Lapse]:
    """Name what most of the nights before have measured and the last one has not."""
    last, before = nights[-1], _alike(nights)
    had = Counter(key for night in before for key in night.samples)
    usual = sorted(key for key, nights_with in had.items() if 2 * nights_with > len(before))
    steps = {key.step for key in usual} - {key.step for key in last.samples}
    found = [_untimed(step, last) for step in sorted(steps)]
    gone = [key for key in usual if key not in last.samples and key.step not in steps]
    return [*found, *(_unmeasured(key) for key in gone)]


def _alike(nights: Sequence[Night]) -> list[Night]:
    """Return the nights before that tried the same: a reset has no times of an upgrade."""
    return [night for night in nights[:-1] if night.exercise == nights[-1].exercise]


def _untimed(step: str, last: Night) -> Lapse:
    """Say whose it is that no trial of a type of step has a time."""
    if last.failed:
        whose, why = "product", f"{last.failed} of {last.trials} trials failed"
    elif last.on_bench:
        whose, why = "lab", f"the bench spoiled {last.on_bench} of {last.trials} trials"
    else:
        whose, why = "lab", "it was not tried" if last.trials else "no trial was made"
    return Lapse(what=f"nothing measured of {step} in the last run: {why}", whose=whose)


def _unmeasured(key: FigureKey) -> Lapse:
    """Blame the lab: a trial that ended well has the figure, unless who measures it is gone."""
    return Lapse(what=f"not measured in the last run, though trials ended well: {key}", whose="lab")
