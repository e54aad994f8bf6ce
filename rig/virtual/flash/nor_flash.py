# SPDX-License-Identifier: MIT
"""The NOR flash as its interposer sees it: operations numbered, journalled and cut.

QEMU's CFI flash sends each sector erase as one write of a sector of 0xFF and each program as one
write of a buffer (2 048 bytes) or a block (512 bytes), in order, one at a time.
"""

import hashlib
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rig.virtual.flash.cells import WORD_BYTES, Cut, CutKind, done, erases, partly, unstable, weakly
from rig.virtual.flash.history import History

if TYPE_CHECKING:
    from collections.abc import Callable

HASH_DIGITS = 16

# Intel 28F128J3A data sheet 290667, table "Block Erase, Program, and Lock-Bit Configuration
# Performance", typical: block erase 1.0 s, write to buffer 218 µs for 32 bytes, word 210 µs.
J3_ERASE_S = 1.0
J3_BUFFER_S = 218e-6
J3_BUFFER_BYTES = 32
J3_WORD_S = 210e-6


@dataclass(frozen=True, slots=True)
class Operation:
    """One journal line."""

    number: int
    erase: bool
    offset: int
    length: int
    digest: str
    at_s: float  # when it was done, since the count was reset

    def __str__(self) -> str:
        what = "ERASE" if self.erase else "PROGRAM"
        return f"{self.number},{what},{self.offset},{self.length},{self.digest}"


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
        self._zero_s = time.monotonic()
        self.late = 0  # a defect of the bench: the power goes so many operations after it was to
        self.weak = 0  # a defect of the part: so many programs on, one does not take
        # Told offset, what was sent and what the cells hold of a program that did not take.
        self.missed: Callable[[int, bytes, bytes], object] = lambda *_: None
        self.met = 0  # how often one of the two did
        self.violations = 0  # programs that were to set a bit: only an erase can
        self._histories: list[History] = []
        self._recording = False
        self._unstable: dict[int, int] = {}
        self._chance = random.Random(0)  # noqa: S311 # repeatable, not secret

    def close(self) -> None:
        os.close(self._fd)

    @property
    def count(self) -> int:
        return len(self.journal)

    def reset_count(self) -> None:
        self.journal.clear()
        self._zero_s = time.monotonic()
        self.violations = 0
        self.armed = self.fired = None

    # ---- histories: a journalled run whose every state can be had again
    def start_history(self) -> None:
        """Take the flash as it is for the base of a new history, on top of those that are there."""
        self.reset_count()
        self._histories.append(History(self.read(0, self.size), [], self.sector))
        self._recording = True

    def stop_history(self) -> int:
        """End its recording; return how many operations it has."""
        self._recording = False
        return len(self.history.operations)

    def drop_history(self) -> None:
        """Forget the topmost history."""
        self._recording = False
        del self._histories[-1:]

    @property
    def depth(self) -> int:
        return len(self._histories)

    @property
    def history(self) -> History:
        """The topmost history; ValueError when there is none."""
        if not self._histories:
            raise ValueError("no history was started")
        return self._histories[-1]

    def recall(self, cut: Cut) -> None:
        """Make the flash what `cut` leaves of the topmost history."""
        flash, (offset, left) = self.history.state(cut)
        os.pwrite(self._fd, flash, 0)
        os.pwrite(self._fd, left, offset)
        unstable = self.history.unstable(cut) if cut.kind is CutKind.unstable else {}
        self._loosen(cut, unstable)

    def _loosen(self, cut: Cut, unstable: dict[int, int]) -> None:
        self._unstable = unstable
        self._chance = random.Random(f"unstable:{cut.seed}:{cut.number}")  # noqa: S311

    def power_up(self) -> None:
        """Let each metastable cell fall to one side: a new side at each power-on."""
        for offset, mask in self._unstable.items():
            (old,) = self.read(offset, 1)
            chosen = self._chance.getrandbits(8) & mask
            os.pwrite(self._fd, bytes([old & ~mask | chosen]), offset)

    def _settle(self, offset: int, length: int) -> None:
        """Cells that are erased or programmed again are firm."""
        if self._unstable:
            for at in [at for at in self._unstable if offset <= at < offset + length]:
                del self._unstable[at]

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
        self._settle(offset, len(data))
        os.pwrite(self._fd, data, offset)

    def digest(self, offset: int, length: int) -> str:
        return hashlib.sha256(self.read(offset, length)).hexdigest()

    def operate(self, offset: int, data: bytes) -> bool:
        """Carry out one operation of the board's; False: the power was cut in it."""
        old = self.read(offset, len(data))
        erase = erases(data, self.sector)
        new = done(old, data, self.sector)
        if new != data:
            self.violations += 1
        if not erase:
            new = self._taken(offset, old, new)
        whole = new
        cut, number = self.armed, self.count + 1
        self._settle(offset, len(data))
        if self._recording:
            self.history.operations.append((offset, data))
        if cut is not None and cut.number + self.late == number:
            self.met += self.late != 0
            new = partly(old, whole, cut, erase=erase)
            changed = sum(a != b for a, b in zip(old, new, strict=True))
            self.fired = Fired(cut, erase, offset, len(data), changed)
            self.armed = None
            if cut.kind is CutKind.unstable:
                self._loosen(cut, unstable(old, whole, new, cut, offset, erase=erase))
        if new != old:
            os.pwrite(self._fd, new, offset)
        digest = hashlib.sha256(new).hexdigest()[:HASH_DIGITS]
        at_s = time.monotonic() - self._zero_s
        self.journal.append(Operation(number, erase, offset, len(data), digest, at_s))
        return self.fired is None or self.fired.cut.number + self.late != number

    def _taken(self, offset: int, old: bytes, new: bytes) -> bytes:
        """Return what the cells hold of a program: all of it, but for the one that is weak."""
        if not self.weak or new == old:
            return new
        self.weak -= 1
        if self.weak:
            return new
        self.met += 1
        held = weakly(old, new)
        self.missed(offset, new, held)
        return held

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
