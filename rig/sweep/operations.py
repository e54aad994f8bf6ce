# SPDX-License-Identifier: MIT
"""Which cuts a sweep makes, what each is called, and the key that repeats it; pure."""

import math
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias, get_args

from rig.board.catalogue import Catalogue, Prom, Release
from rig.board.flash_map import FlashMap
from rig.errors import UsageError
from rig.faults.plan import CutAtOperation, Kind, Plan, parse

KEY_FORMAT = "walnut1"
HASH_DIGITS = 12
What: TypeAlias = Literal["upgrade", "downgrade", "confirm", "rollback", "data", "prom"]
WHATS: tuple[What, ...] = get_args(What)
KINDS = (Kind.before, Kind.torn, Kind.unstable, Kind.after)
DEFAULT_KINDS = "before,torn,after"
TIMED = (Kind.timed,)
_KEY = re.compile(r"([a-z0-9]+)/([a-z]+)/([^/@]+)@([0-9a-f]+)/([^/@]+)@([0-9a-f]+)/(.+)")
_POINTS = re.compile(r"all|log|([1-9]\d{0,5})(?::(\d{1,10}))?")
_IN_PHASE = re.compile(r"([a-z]+(?:-[a-z]+)*)(?::([1-9]\d{0,5}))?")

# What the board was last heard to do, and what its next flash operations are then called.
_PHASES = {
    "start": "state",
    "staging.start": "staging",
    "staging.progress": "staging",
    "staging.done": "commit",
    "run.start": "commit",
    "run.commit": "commit",
    "run.reboot": "commit",
    "boot.prom": "boot count",
    "acceptance.start": "confirm",
    "boot.up": "confirm",
    "acceptance.done": "confirm",
    "acceptance.failed": "boot count",
    "acceptance.fallback": "fallback",
}
_BY_PARTITION = {"data": "state", "prom": "prom", "prom-fallback": "prom"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One flash operation of a journalled run, with where and in which phase it fell."""

    number: int
    what: str  # ERASE or PROGRAM
    offset: int
    length: int
    sha256: str
    partition: str
    phase: str

    @property
    def counts_always(self) -> bool:
        """Tell whether every sweep has it: the commit and all that the boot flow decides by."""
        return self.partition.startswith("env") or self.phase == "prom"


def label(
    journal: Iterable[tuple[int, str, int, int, str]],
    heard: Sequence[tuple[int, str]],
    flash_map: FlashMap,
) -> tuple[Labelled, ...]:
    """Name each operation by its partition and by what the board had said before it.

    `heard` are (operations until then, event) in order, from where the rig read both.
    """
    found = []
    for number, what, offset, length, sha256 in journal:
        partition = flash_map.at(offset).name
        said = [event for count, event in heard if count < number]
        phase = _PHASES.get(said[-1] if said else "start", "?")
        if partition.startswith("slot"):
            phase = f"staging {what.lower()}"
        phase = _BY_PARTITION.get(partition, phase)
        found.append(
            Labelled(
                number=number,
                what=what,
                offset=offset,
                length=length,
                sha256=sha256,
                partition=partition,
                phase=phase,
            )
        )
    return tuple(found)


def choose(operations: Sequence[Labelled], points: str) -> tuple[int, ...]:
    """Return the numbers that `points` picks.

    ``all``, ``log``, ``N`` or ``N:seed``: the last operation, the commit and every write of the
    environments are in, always.  A phase (``commit``, ``boot-count``, ``staging-erase``), or
    ``phase:N``: its operations alone, or N of them, evenly spread.

    Raises:
        UsageError: `points` is none of these.
    """
    numbers = [operation.number for operation in operations]
    if not numbers:
        raise UsageError("the journalled run has no flash operation: nothing can be cut")
    found = _POINTS.fullmatch(points)
    if found is None:
        return _in_phase(operations, points)
    if points == "all":
        return tuple(numbers)
    chosen = {operation.number for operation in operations if operation.counts_always}
    chosen.add(numbers[-1])
    if points == "log":
        chosen |= {2**power for power in range(int(math.log2(numbers[-1])) + 1)}
    else:
        chance = random.Random(int(found[2] or 1))  # noqa: S311 # repeatable, not secret
        chosen |= set(chance.sample(numbers, min(int(found[1]), len(numbers))))
    return tuple(sorted(chosen & set(numbers)))


def _in_phase(operations: Sequence[Labelled], points: str) -> tuple[int, ...]:
    named: dict[str, list[int]] = {}
    for operation in operations:
        named.setdefault(operation.phase.replace(" ", "-"), []).append(operation.number)
    found = _IN_PHASE.fullmatch(points)
    if found is None or found[1] not in named:
        raise UsageError(
            f"--points is all, log, N, N:seed, or one of this run's phases {', '.join(named)}"
            f" (or phase:N), not {points!r}"
        )
    numbers = named[found[1]]
    count = min(int(found[2] or len(numbers)), len(numbers))
    places = {round(place * (len(numbers) - 1) / max(count - 1, 1)) for place in range(count)}
    return tuple(numbers[place] for place in sorted(places))


def kinds_of(text: str) -> tuple[Kind, ...]:
    """Read ``before,torn,after,unstable``, in whatever order, or ``timed`` alone.

    Raises:
        UsageError: it names something else, or other kinds beside ``timed``.
    """
    known = {kind.value: kind for kind in (*KINDS, *TIMED)}
    names = text.split(",")
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"--kinds: {unknown[0]!r} is none of {', '.join(known)}")
    if Kind.timed.value in names:
        if set(names) != {Kind.timed.value}:
            raise UsageError(
                f"--kinds {text}: timed cuts are by the clock, the others at a flash operation;"
                " they make two sweeps"
            )
        return TIMED
    return tuple(kind for kind in KINDS if kind.value in names)


def cuts(numbers: Iterable[int], kinds: Iterable[Kind], seed: int) -> tuple[CutAtOperation, ...]:
    """Return every cut, in the order in which the flash passes through their states."""
    return tuple(
        CutAtOperation(operation=number, kind=kind, seed=seed if kind.seeded else 0)
        for number in numbers
        for kind in kinds
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Everything that a trial was made of, as one word: it repeats the trial."""

    what: What
    old: str
    old_hash: str
    new: str
    new_hash: str
    plan: Plan

    @classmethod
    def of(cls, what: What, old: Release, new: Release | Prom, plan: Plan) -> Self:
        return cls(
            what=what,
            old=old.name,
            old_hash=old.golden_sha256[:HASH_DIGITS],
            new=str(new),
            new_hash=new.bundle_sha256[:HASH_DIGITS],
            plan=plan,
        )

    def __str__(self) -> str:
        ends = f"{self.old}@{self.old_hash}/{self.new}@{self.new_hash}"
        return f"{KEY_FORMAT}/{self.what}/{ends}/{self.plan}"

    def check(self, catalogue: Catalogue) -> None:
        """Make sure that the releases are those that the key was made with.

        Raises:
            UsageError: one is not there, or has other bytes.
        """
        old, new = catalogue.release(self.old), catalogue.target(self.what, self.new)
        for name, wanted, found in (
            (self.old, self.old_hash, old.golden_sha256),
            (self.new, self.new_hash, new.bundle_sha256),
        ):
            if not found.startswith(wanted):
                raise UsageError(
                    f"the key was made with a release {name} of hash {wanted}; {catalogue.index}"
                    f" has {found[:HASH_DIGITS]}: check out the firmware of that time and build it"
                )


def parse_key(text: str) -> Key:
    """Read a key from its text form; ``str(parse_key(text)) == text``.

    Raises:
        UsageError: it is no key, or another version of the rig made it.
    """
    found = _KEY.fullmatch(text)
    if found is None:
        example = f"{KEY_FORMAT}/upgrade/1.0.0@…/2.0.0@…/cut@op:700/torn:seed=1"
        raise UsageError(f"{text!r} is not a replay key; one looks like {example}")
    version, what, old, old_hash, new, new_hash, plan = found.groups()
    if version != KEY_FORMAT:
        raise UsageError(
            f"the key is of another version of the rig: {version}, this one reads {KEY_FORMAT}"
        )
    known = {name: name for name in WHATS}
    if what not in known:
        raise UsageError(f"the key's exercise {what!r} is none of {', '.join(WHATS)}")
    return Key(
        what=known[what], old=old, old_hash=old_hash, new=new, new_hash=new_hash, plan=parse(plan)
    )
