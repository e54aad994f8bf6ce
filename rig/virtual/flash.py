# SPDX-License-Identifier: MIT
"""The NOR flash as its interposer sees it: operations numbered, journalled and cut.

QEMU's CFI flash sends each sector erase as one write of a sector of 0xFF and each program as one
write of a buffer (2 048 bytes) or a block (512 bytes), in order, one at a time.
"""

import enum
import hashlib
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ERASED = 0xFF
WORD_BYTES = 2  # the flash is 16 bits wide
HASH_DIGITS = 16

# Intel 28F128J3A data sheet 290667, table "Block Erase, Program, and Lock-Bit Configuration
# Performance", typical: block erase 1.0 s, write to buffer 218 µs for 32 bytes, word 210 µs.
J3_ERASE_S = 1.0
J3_BUFFER_S = 218e-6
J3_BUFFER_BYTES = 32
J3_WORD_S = 210e-6


UNSTABLE_BYTES = 32  # what a part of the era programs at once: its cells are half way
UNSTABLE_WORDS = 16  # one word in so many of a torn erase reads either way


class CutKind(enum.Enum):
    """How much of the operation has happened when the power goes."""

    before = "BEF"
    torn = "TORN"
    after = "AFT"
    unstable = "UNST"  # torn, and some of the torn cells read differently on each power-on


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
class Cut:
    """A cut that is armed at operation `number`."""

    number: int
    kind: CutKind
    seed: int


@dataclass(slots=True)
class History:
    """A flash and the operations that followed, with their data: every state between them.

    States are asked for in rising order by whoever sweeps, so the last one is kept.
    """

    base: bytes
    operations: list[tuple[int, bytes]]  # offset, data as the board sent it
    sector: int
    _at: int = 0
    _flash: bytearray | None = None
    _digests: list[bytes] = field(default_factory=list)  # of the sectors of _flash

    def state(self, cut: Cut) -> tuple[bytearray, tuple[int, bytes]]:
        """Return the flash before operation `cut.number`, and what the cut leaves of that one.

        Raises:
            ValueError: there is no such operation.
        """
        if not 1 <= cut.number <= len(self.operations):
            raise ValueError(f"the history has operations 1 to {len(self.operations)}")
        if self._flash is None or self._at > cut.number - 1:
            self._flash, self._at = bytearray(self.base), 0
            starts = range(0, len(self.base), self.sector)
            self._digests = [self._sector_digest(start) for start in starts]
        for offset, data in self.operations[self._at : cut.number - 1]:
            old = bytes(self._flash[offset : offset + len(data)])
            self._flash[offset : offset + len(data)] = _done(old, data, self.sector)
            start = offset - offset % self.sector
            self._digests[start // self.sector] = self._sector_digest(start)
        self._at = cut.number - 1
        offset, data = self.operations[cut.number - 1]
        old = bytes(self._flash[offset : offset + len(data)])
        new = _done(old, data, self.sector)
        return self._flash, (offset, _partly(old, new, cut, erase=_erases(data, self.sector)))

    def _sector_digest(self, start: int) -> bytes:
        flash = self._flash if self._flash is not None else self.base
        return hashlib.sha256(memoryview(flash)[start : start + self.sector]).digest()

    def sha256(self, cut: Cut) -> str:
        """Return the SHA-256 of the whole flash as the cut leaves it."""
        flash, (offset, left) = self.state(cut)
        digest = hashlib.sha256(memoryview(flash)[:offset])
        digest.update(left)
        digest.update(memoryview(flash)[offset + len(left) :])
        return digest.hexdigest()

    def digest(self, cut: Cut) -> str:
        """Return the SHA-256 of the sectors' SHA-256s as the cut leaves them: much faster."""
        flash, (offset, left) = self.state(cut)
        number = offset // self.sector
        start = number * self.sector
        torn = bytearray(flash[start : start + self.sector])
        torn[offset - start : offset - start + len(left)] = left
        digests = [*self._digests]
        digests[number] = hashlib.sha256(torn).digest()
        return hashlib.sha256(b"".join(digests)).hexdigest()

    def unstable(self, cut: Cut) -> dict[int, int]:
        """Return the bits that read either way after the cut: offset of the byte, mask."""
        flash, (offset, left) = self.state(cut)
        _, data = self.operations[cut.number - 1]
        old = bytes(flash[offset : offset + len(left)])
        new = _done(old, data, self.sector)
        return _unstable(old, new, left, cut, offset, erase=_erases(data, self.sector))


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
        erase = _erases(data, self.sector)
        new = _done(old, data, self.sector)
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
            new = _partly(old, whole, cut, erase=erase)
            changed = sum(a != b for a, b in zip(old, new, strict=True))
            self.fired = Fired(cut, erase, offset, len(data), changed)
            self.armed = None
            if cut.kind is CutKind.unstable:
                self._loosen(cut, _unstable(old, whole, new, cut, offset, erase=erase))
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
        held = _weakly(old, new)
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


def _erases(data: bytes, sector: int) -> bool:
    return len(data) == sector and data == bytes([ERASED]) * sector


def _done(old: bytes, data: bytes, sector: int) -> bytes:
    """Return what the cells hold after the operation: a program can only clear bits."""
    if _erases(data, sector):
        return data
    both = int.from_bytes(old, "big") & int.from_bytes(data, "big")
    return both.to_bytes(len(data), "big")


def _weakly(old: bytes, new: bytes) -> bytes:
    """Return what the cells hold when the first byte that was to change did not."""
    first = next(at for at in range(len(new)) if old[at] != new[at])
    return new[:first] + old[first : first + 1] + new[first + 1 :]


def _unstable(
    old: bytes, new: bytes, left: bytes, cut: Cut, offset: int, *, erase: bool
) -> dict[int, int]:
    """Return the cells that were half way when the power went: offset of the byte, mask of bits.

    Of a torn program those of the write that was under way; of a torn erase some words anywhere
    (Tseng, Grupp, Swanson, DAC 2011: partly erased cells read either way).
    """
    chance = random.Random(f"cells:{cut.seed}:{cut.number}")  # noqa: S311 # repeatable, not secret
    if erase:
        words = [
            at
            for at in range(0, len(old), WORD_BYTES)
            if old[at : at + WORD_BYTES] != new[at : at + WORD_BYTES]
        ]
        chosen = [at for at in words if not chance.randrange(UNSTABLE_WORDS)]
        places = [at + byte for at in chosen for byte in range(WORD_BYTES)]
    else:
        first = next((at for at in range(len(new)) if left[at] != new[at]), len(new))
        places = list(range(first, min(first + UNSTABLE_BYTES, len(new))))
    return {offset + at: old[at] ^ new[at] for at in places if old[at] != new[at]}


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
