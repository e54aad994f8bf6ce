# SPDX-License-Identifier: MIT
"""The NOR flash as its interposer sees it: operations numbered, journalled and cut.

QEMU's CFI flash sends each sector erase as one write of a sector of 0xFF and each program as one
write of a buffer (2 048 bytes) or a block (512 bytes), in order, one at a time.
"""

import enum
import hashlib
import os
import random
from dataclasses import dataclass
from pathlib import Path

ERASED = 0xFF
WORD_BYTES = 2  # the flash is 16 bits wide
HASH_DIGITS = 16

# Intel 28F128J3A data sheet 290667, table "Block Erase, Program, and Lock-Bit Configuration
# Performance", typical: block erase 1.0 s, write to buffer 218 µs for 32 bytes, word 210 µs.
J3_ERASE_S = 1.0
J3_BUFFER_S = 218e-6
J3_BUFFER_BYTES = 32
J3_WORD_S = 210e-6


class CutKind(enum.Enum):
    """How much of the operation has happened when the power goes."""

    before = "BEF"
    torn = "TORN"
    after = "AFT"


@dataclass(frozen=True, slots=True)
class Operation:
    """One journal line."""

    number: int
    erase: bool
    offset: int
    length: int
    digest: str

    def __str__(self) -> str:
        what = "ERASE" if self.erase else "PROGRAM"
        return f"{self.number},{what},{self.offset},{self.length},{self.digest}"


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut that is armed at operation `number`."""

    number: int
    kind: CutKind
    seed: int


@dataclass(frozen=True, slots=True)
class Fired:
    """A cut that has happened; `applied` is how many bytes the operation had changed."""

    cut: Cut
    erase: bool
    offset: int
    length: int
    applied: int

    def __str__(self) -> str:
        what = "ERASE" if self.erase else "PROGRAM"
        cut = self.cut
        place = f"{what},{self.offset},{self.length},{self.applied}"
        return f"{cut.number},{cut.kind.value},{cut.seed},{place}"


class NorFlash:
    """A flash file with an interposer before it."""

    def __init__(self, path: Path, sector: int) -> None:
        self.path = path
        self.sector = sector
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.size = os.fstat(self._fd).st_size
        self.real_timing = False
        self.armed: Cut | None = None
        self.fired: Fired | None = None
        self.journal: list[Operation] = []

    def close(self) -> None:
        os.close(self._fd)

    @property
    def count(self) -> int:
        return len(self.journal)

    def reset_count(self) -> None:
        self.journal.clear()
        self.armed = self.fired = None

    def arm(self, cut: Cut) -> None:
        """Arm one cut; ValueError unless its operation lies ahead."""
        if cut.number <= self.count:
            raise ValueError(f"operation {cut.number} is past, {self.count} have been")
        self.armed, self.fired = cut, None

    def disarm(self) -> None:
        self.armed = self.fired = None

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def load(self, offset: int, data: bytes) -> None:
        """Put bytes in place as JTAG would: no operation, no journal."""
        os.pwrite(self._fd, data, offset)

    def digest(self, offset: int, length: int) -> str:
        return hashlib.sha256(self.read(offset, length)).hexdigest()

    def operate(self, offset: int, data: bytes) -> bool:
        """Carry out one operation of the board's; False: the power was cut in it."""
        old = self.read(offset, len(data))
        erase = len(data) == self.sector and data == bytes([ERASED]) * self.sector
        cut, number = self.armed, self.count + 1
        new = data
        if cut is not None and cut.number == number:
            new = _partly(old, data, cut, erase=erase)
            changed = sum(a != b for a, b in zip(old, new, strict=True))
            self.fired = Fired(cut, erase, offset, len(data), changed)
            self.armed = None
        if new != old:
            os.pwrite(self._fd, new, offset)
        digest = hashlib.sha256(new).hexdigest()[:HASH_DIGITS]
        self.journal.append(Operation(number, erase, offset, len(data), digest))
        return self.fired is None or self.fired.cut.number != number

    def duration_s(self, offset: int, old: bytes, new: bytes) -> float:
        """Return how long a part of the era takes for this operation, 0 with TIMing NONE."""
        del offset
        if not self.real_timing:
            return 0.0
        if len(new) == self.sector:
            return J3_ERASE_S
        changed = sum(a != b for a, b in zip(old, new, strict=True))
        if changed <= WORD_BYTES:
            return J3_WORD_S
        return J3_BUFFER_S * -(-changed // J3_BUFFER_BYTES)


def _partly(old: bytes, new: bytes, cut: Cut, *, erase: bool) -> bytes:
    """Return what the cells hold when the power goes in this operation.

    A torn program leaves a prefix of its changed bytes; a torn erase leaves words that are
    already erased among words that are not (docs/explanation/fault-model.md).
    """
    if cut.kind is CutKind.before:
        return old
    if cut.kind is CutKind.after:
        return new
    chance = random.Random(f"{cut.seed}:{cut.number}")  # noqa: S311 # repeatable, not secret
    if erase:
        share = chance.random()
        words = (
            new[at : at + WORD_BYTES] if chance.random() < share else old[at : at + WORD_BYTES]
            for at in range(0, len(old), WORD_BYTES)
        )
        return b"".join(words)
    changed = [at for at, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    if not changed:
        return old
    keep = chance.randrange(len(changed))
    end = changed[keep]
    return new[:end] + old[end:]
