# SPDX-License-Identifier: MIT
"""Which cuts a sweep makes, and what each is called; pure."""

import math
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rig.board.flash_map import FlashMap
from rig.errors import UsageError
from rig.faults.plan import CutAtOperation, Kind

KINDS = (Kind.before, Kind.torn, Kind.unstable, Kind.after)
DEFAULT_KINDS = "before,torn,after"
TIMED = (Kind.timed,)
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
    picked = {round(number * (len(numbers) - 1) / max(count - 1, 1)) for number in range(count)}
    return tuple(numbers[index] for index in sorted(picked))


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
