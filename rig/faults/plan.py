# SPDX-License-Identifier: MIT
"""What goes wrong and when, as a text that is a plan's name, docs/explanation/fault-model.md."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from rig.errors import UsageError

ALLOWED = (
    "none",
    "cut@op:700/before",
    "cut@op:700/torn:seed=1",
    "cut@op:700/after",
    "cut@op:700/unstable:seed=1",
    "cut@op:700/torn:seed=1,op:12/before",
    "cut@mark:staging.write:40%+0.120s",
    "bundle:mismatched-kernel",
)
_WORD = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_CUT = r"op:([1-9]\d{0,9})/(?:(before|after)|(torn|unstable):seed=(\d{1,10}))"
_AT_OPERATION = re.compile(rf"cut@({_CUT}(?:,{_CUT})*)")
_AT_MARK = re.compile(
    rf"cut@mark:({_WORD})\.({_WORD})(?::(\d{{1,3}})%)?(?:\+(\d{{1,5}}\.\d{{3}})s)?"
)
_RANGE = re.compile(
    r"cut@op:([1-9]\d{0,9})\.\.([1-9]\d{0,9})(?:/(before|after|torn|unstable))?(?::seed=(\d{1,10}))?"
)
RANGE_MAX = 10_000
_BUNDLE = re.compile(rf"bundle:({_WORD})")
SEED_MAX = 2**32 - 1
# Of a replay key, which ends with a plan
KEY_FORMAT = "walnut1"
HASH_DIGITS = 12


class Kind(enum.Enum):
    """How much of the flash operation is done when the power goes."""

    before = "before"
    torn = "torn"
    after = "after"
    unstable = "unstable"  # torn, and some of its cells read differently on each power-on
    timed = "timed"  # not known: cut by the clock

    @property
    def seeded(self) -> bool:
        match self:
            case Kind.torn | Kind.unstable:
                return True
            case Kind.before | Kind.after | Kind.timed:
                return False
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class NoFault:
    """Nothing goes wrong."""

    def __str__(self) -> str:
        return "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAtOperation:
    """Cut the power at flash operation `operation` (1 is the first of the sequence).

    `then` is the next cut, in the recovery from this one: its operation 1 is the first after the
    power came back.
    """

    operation: int
    kind: Kind
    seed: int = 0  # picks the torn part; 0 for the other kinds
    then: "CutAtOperation | None" = None

    def __post_init__(self) -> None:
        if self.operation < 1:
            raise UsageError(f"flash operations count from 1, not {self.operation}")
        if self.kind is Kind.timed:
            raise UsageError("a cut at an operation is before, torn or after, not timed")
        if not self.kind.seeded and self.seed:
            raise UsageError(f"only a torn operation has a seed, not one cut {self.kind.value}")
        if not 0 <= self.seed <= SEED_MAX:
            raise UsageError(f"a seed is 0 … {SEED_MAX}, not {self.seed}")

    @property
    def cuts(self) -> "tuple[CutAtOperation, ...]":
        """Return this cut and those nested in its recovery, in order."""
        return (self, *(self.then.cuts if self.then else ()))

    def __str__(self) -> str:
        seed = f":seed={self.seed}" if self.kind.seeded else ""
        rest = f",{str(self.then).removeprefix('cut@')}" if self.then else ""
        return f"cut@op:{self.operation}/{self.kind.value}{seed}{rest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAtMark:
    """Cut the power `delay_ms` after the updater's line `phase` `event` (updater-lines.md).

    With `percent` the event is a step of ``progress``: ``staging.write:40%`` is the first
    progress line of the step `write` that says 40 or more, ``download.progress:40%`` that of a
    phase without steps.
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

    def reached(self, phase: str, event: str, keys: Mapping[str, str]) -> bool:
        """Tell whether the board's line is the one that this cut waits for."""
        if self.percent is None:
            return (phase, event) == (self.phase, self.event)
        return (phase, event, keys.get("step", "progress")) == (
            self.phase,
            "progress",
            self.event,
        ) and int(keys.get("percent", "0")) >= self.percent

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


Cut: TypeAlias = CutAtOperation | CutAtMark
Plan: TypeAlias = NoFault | Cut | BadBundlePlan


def is_at_operation(plan: Plan) -> bool:
    """Tell whether the plan cuts at a flash operation, which takes an interposer."""
    match plan:
        case CutAtOperation():
            return True
        case NoFault() | CutAtMark() | BadBundlePlan():
            return False
        case _:
            assert_never(plan)


def parse(text: str) -> Plan:
    """Read a plan from its text form; ``str(parse(text)) == text`` for canonical texts.

    Raises:
        UsageError: `text` is no plan; says what one looks like.
    """
    if text == "none":
        return NoFault()
    if _AT_OPERATION.fullmatch(text):
        plan: CutAtOperation | None = None
        for operation, plain, seeded, seed in reversed(re.findall(_CUT, text)):
            plan = CutAtOperation(
                operation=int(operation), kind=Kind(plain or seeded), seed=int(seed or 0), then=plan
            )
        assert plan is not None  # noqa: S101 # the pattern has one cut at least
        return plan
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


def parse_cuts(text: str) -> tuple[CutAtOperation, ...]:
    """Read one cut at an operation, or a range of them: ``cut@op:1..60/torn:seed=3``.

    A range without a kind is torn when it has a seed, else `before`.

    Raises:
        UsageError: `text` is neither.
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        plan = parse(text)
        if not isinstance(plan, CutAtOperation):
            raise UsageError(f"{text!r} is no cut at a flash operation, or a range of them")
        return (plan,)
    first, last = int(found[1]), int(found[2])
    if not first <= last < first + RANGE_MAX:
        raise UsageError(f"{text!r}: a range goes up, over {RANGE_MAX} operations at most")
    kind = Kind(found[3]) if found[3] else (Kind.torn if found[4] else Kind.before)
    if kind.seeded and not found[4]:
        raise UsageError(f"{text!r}: a {kind.value} cut needs a seed, as in …:seed=1")
    seed = int(found[4] or 0)
    return tuple(
        CutAtOperation(operation=number, kind=kind, seed=seed) for number in range(first, last + 1)
    )
