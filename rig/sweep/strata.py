# SPDX-License-Identifier: MIT
"""Cuts by the clock: an uncut run's lines make strata, and the cuts are drawn from them; pure."""

import hashlib
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from rig.errors import BenchError, UsageError
from rig.faults.plan import CutAtMark, parse

WHATS = ("upgrade", "downgrade", "confirm", "rollback")  # the others' writes print no such lines
POINTS_DEFAULT = "60"
AFTER_S = 0.5  # after the last line: what a board writes once it has said "done"
BANDS = {
    "staging.start": "check",
    "staging.done": "commit",
    "run.start": "commit",
    "run.commit": "commit",
    "run.reboot": "boot",
    "acceptance.start": "acceptance",
    "boot.up": "acceptance",
    "acceptance.done": "after",
    "acceptance.failed": "rollback",
    "acceptance.fallback": "fallback",
}
_POINTS = re.compile(r"([1-9]\d{0,5})(?::(\d{1,10}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line that the board printed in the uncut run; seconds since the first of them."""

    at_s: float
    phase: str
    event: str
    keys: Mapping[str, str]

    @property
    def mark(self) -> CutAtMark:
        """Return the plan that waits for this line."""
        if self.event != "progress":
            return CutAtMark(phase=self.phase, event=self.event)
        step = self.keys.get("step", "progress")
        return CutAtMark(phase=self.phase, event=step, percent=int(self.keys["percent"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The stretch of the uncut run from one mark to the next, in seconds since the first line."""

    mark: CutAtMark
    begin_s: float
    length_s: float

    @property
    def name(self) -> str:
        return str(self.mark).removeprefix("cut@mark:")

    @property
    def band(self) -> str:
        """Return what the board is about in it, in a word."""
        if self.mark.phase == "download":
            return "download"
        if self.mark.percent is not None:
            return self.mark.event
        return BANDS.get(f"{self.mark.phase}.{self.mark.event}", self.mark.phase)

    @property
    def counts_always(self) -> bool:
        """Tell whether it comes first when there are fewer cuts than strata: commit and boot."""
        return self.mark.phase in {"run", "boot", "acceptance"} or self.band == "commit"

    def to_json(self) -> dict[str, Any]:
        return {"mark": str(self.mark), "begin_s": self.begin_s, "length_s": self.length_s}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        mark = mark_of(found["mark"])
        return cls(mark=mark, begin_s=found["begin_s"], length_s=found["length_s"])


def mark_of(text: str) -> CutAtMark:
    """Read a plan that is a cut by the clock.

    Raises:
        UsageError: it is another one.
    """
    plan = parse(text)
    if not isinstance(plan, CutAtMark):
        raise UsageError(f"{text!r} is no mark")
    return plan


def points_of(text: str, seed: int) -> tuple[int, int]:
    """Read ``N`` or ``N:seed``; return how many cuts, and their seed (without one: `seed`).

    Raises:
        UsageError: it is something else; says so.
    """
    found = _POINTS.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--points of timed cuts is N or N:seed, not {text!r}: no flash operation is seen, so"
            " there is no `all`, no `log` and no phase to pick from"
        )
    return int(found[1]), int(found[2] or seed)


def strata_of(lines: Sequence[Line], what: str) -> tuple[Stratum, ...]:
    """Cut the run at each line that a plan can name; `confirm` begins with the reboot.

    A plan names the first line of its kind: the stretch after a later one (a second boot of a
    rollback) belongs to the stratum before.

    Raises:
        BenchError: there is no such line.
    """
    marks = [
        (line.at_s, line.mark)
        for number, line in enumerate(lines)
        if not any(line.mark.reached(past.phase, past.event, past.keys) for past in lines[:number])
    ]
    ends = [*(at_s for at_s, _ in marks), (lines[-1].at_s if lines else 0.0) + AFTER_S]
    strata = [
        Stratum(mark=mark, begin_s=round(begin_s, 6), length_s=round(end_s - begin_s, 6))
        for (_, mark), (begin_s, end_s) in zip(marks, pairwise(ends), strict=True)
    ]
    if what == "confirm":
        reboot = [n for n, item in enumerate(strata) if item.name == "run.reboot"]
        strata = strata[reboot[0] :] if reboot else []
    if not strata:
        raise BenchError("the uncut run printed no line to cut at")
    return tuple(strata)


def digest(strata: Iterable[Stratum]) -> str:
    """Return a hash that tells one plan's strata from another's."""
    text = "".join(f"{item.mark} {item.begin_s:.6f} {item.length_s:.6f}\n" for item in strata)
    return hashlib.sha256(text.encode()).hexdigest()


def spread(strata: Sequence[Stratum], count: int, seed: int) -> list[tuple[int, CutAtMark]]:
    """Draw `count` cuts; return each with its stratum's index in `strata`, in order of time.

    Enough for all: one in each stratum, the rest in proportion to the strata's lengths.  Fewer:
    one in each that counts always, the rest evenly along the run.  In a stratum of several
    cuts each has its own equal part, and the delay is uniform in it.
    """
    chance = random.Random(seed)  # noqa: S311 # repeatable, not secret
    drawn: list[tuple[int, CutAtMark]] = []
    taken: set[str] = set()
    for index, (stratum, cuts) in enumerate(
        zip(strata, _shares(strata, count, chance), strict=True)
    ):
        for part in range(cuts):
            delay_ms = int(1000 * stratum.length_s * (part + chance.random()) / cuts)
            cut = _delayed(stratum.mark, delay_ms)
            while str(cut) in taken:
                delay_ms += 1
                cut = _delayed(stratum.mark, delay_ms)
            taken.add(str(cut))
            drawn.append((index, cut))
    return drawn


def _delayed(mark: CutAtMark, delay_ms: int) -> CutAtMark:
    return CutAtMark(phase=mark.phase, event=mark.event, percent=mark.percent, delay_ms=delay_ms)


def _shares(strata: Sequence[Stratum], count: int, chance: random.Random) -> list[int]:
    """Return how many cuts each stratum gets."""
    always = [index for index, item in enumerate(strata) if item.counts_always]
    if count < len(strata):
        first = always if count >= len(always) else chance.sample(always, count)
        shares = [int(index in first) for index in range(len(strata))]
        for index in _along(strata, count - len(first), chance):
            shares[index] += 1
        return shares
    shares = [1] * len(strata)
    for _ in range(count - len(strata)):
        # Highest averages (D'Hondt): the next one goes where a cut stands for the most time.
        most = max(range(len(strata)), key=lambda n: strata[n].length_s / (shares[n] + 1))
        shares[most] += 1
    return shares


def _along(strata: Sequence[Stratum], count: int, chance: random.Random) -> list[int]:
    """Return in which strata `count` evenly spaced moments of the run fall."""
    step_s = sum(stratum.length_s for stratum in strata) / max(count, 1)
    first_s = chance.random() * step_s
    found: list[int] = []
    passed_s = 0.0
    for index, stratum in enumerate(strata):
        passed_s += stratum.length_s
        while len(found) < count and first_s + len(found) * step_s < passed_s:
            found.append(index)
    return found + [len(strata) - 1] * (count - len(found))  # rounding may leave one
