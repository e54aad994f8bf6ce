# SPDX-License-Identifier: MIT
"""What goes wrong and when, and how a board may come out of it, docs/explanation/fault-model.md."""

import enum
import re
from dataclasses import dataclass
from typing import TypeAlias

from rig.errors import UsageError

ALLOWED = (
    "none",
    "cut@op:700/before",
    "cut@op:700/torn:seed=1",
    "cut@op:700/after",
    "cut@mark:staging.write:40%+0.120s",
    "bundle:mismatched-kernel",
)
_WORD = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_AT_OPERATION = re.compile(r"cut@op:([1-9]\d{0,9})/(?:(before|after)|torn:seed=(\d{1,10}))")
_AT_MARK = re.compile(
    rf"cut@mark:({_WORD})\.({_WORD})(?::(\d{{1,3}})%)?(?:\+(\d{{1,5}}\.\d{{3}})s)?"
)
_BUNDLE = re.compile(rf"bundle:({_WORD})")
SEED_MAX = 2**32 - 1


class Kind(enum.Enum):
    """How much of the flash operation is done when the power goes."""

    before = "before"
    torn = "torn"
    after = "after"
    timed = "timed"  # not known: cut by the clock


@dataclass(frozen=True, slots=True)
class NoFault:
    """Nothing goes wrong."""

    def __str__(self) -> str:
        return "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAtOperation:
    """Cut the power at flash operation `operation` (1 is the first of the upgrade)."""

    operation: int
    kind: Kind
    seed: int = 0  # picks the torn part; 0 for the other kinds

    def __post_init__(self) -> None:
        if self.operation < 1:
            raise UsageError(f"flash operations count from 1, not {self.operation}")
        if self.kind is Kind.timed:
            raise UsageError("a cut at an operation is before, torn or after, not timed")
        if self.kind is not Kind.torn and self.seed:
            raise UsageError(f"only a torn operation has a seed, not one cut {self.kind.value}")
        if not 0 <= self.seed <= SEED_MAX:
            raise UsageError(f"a seed is 0 … {SEED_MAX}, not {self.seed}")

    def __str__(self) -> str:
        seed = f":seed={self.seed}" if self.kind is Kind.torn else ""
        return f"cut@op:{self.operation}/{self.kind.value}{seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAtMark:
    """Cut the power `delay_ms` after the updater's line `phase` `event` (updater-lines.md).

    With `percent` the event is a step of ``progress``: ``staging.write:40%`` is the first
    progress line of the step `write` that says 40 or more.
    """

    phase: str
    event: str
    percent: int | None = None
    delay_ms: int = 0

    kind = Kind.timed

    def __post_init__(self) -> None:
        for word in (self.phase, self.event):
            if not re.fullmatch(_WORD, word):
                raise UsageError(
                    f"{word!r} is not a phase or event of docs/reference/updater-lines.md"
                )
        if self.percent is not None and not 0 <= self.percent <= 100:
            raise UsageError(f"progress is 0 … 100 %, not {self.percent} %")
        if not 0 <= self.delay_ms < 100_000_000:
            raise UsageError(f"a cut comes 0 … 99999.999 s after its mark, not {self.delay_s} s")

    @property
    def delay_s(self) -> float:
        return self.delay_ms / 1000

    def __str__(self) -> str:
        percent = "" if self.percent is None else f":{self.percent}%"
        delay = f"+{self.delay_s:.3f}s" if self.delay_ms else ""
        return f"cut@mark:{self.phase}.{self.event}{percent}{delay}"


@dataclass(frozen=True, slots=True)
class BadBundlePlan:
    """Offer the bundle `bundle`, which the board must refuse."""

    bundle: str

    def __post_init__(self) -> None:
        if not re.fullmatch(_WORD, self.bundle):
            raise UsageError(f"{self.bundle!r} is not a bundle's name")

    def __str__(self) -> str:
        return f"bundle:{self.bundle}"


Plan: TypeAlias = NoFault | CutAtOperation | CutAtMark | BadBundlePlan


def parse(text: str) -> Plan:
    """Read a plan from its text form; ``str(parse(text)) == text`` for canonical texts.

    Raises:
        UsageError: `text` is no plan; says what one looks like.
    """
    if text == "none":
        return NoFault()
    if found := _AT_OPERATION.fullmatch(text):
        operation, kind, seed = found.groups()
        return CutAtOperation(
            operation=int(operation), kind=Kind(kind or "torn"), seed=int(seed or 0)
        )
    if found := _AT_MARK.fullmatch(text):
        phase, event, percent, delay = found.groups()
        return CutAtMark(
            phase=phase,
            event=event,
            percent=None if percent is None else int(percent),
            delay_ms=int((delay or "0").replace(".", "")),
        )
    if found := _BUNDLE.fullmatch(text):
        return BadBundlePlan(found[1])
    raise UsageError(f"{text!r} is not a fault plan; a plan looks like {', '.join(ALLOWED)}")


class Outcome(enum.Enum):
    """What became of the board, docs/explanation/fault-model.md."""

    new = "new"
    old = "old"
    recovered = "recovered"
    mixed = "mixed"
    silent = "silent"
    lost_state = "lost-state"
    bricked = "bricked"
    bench = "bench"

    @property
    def good(self) -> bool:
        return self in (Outcome.new, Outcome.old, Outcome.recovered)
