# SPDX-License-Identifier: MIT
"""What the cells of a NOR flash hold after an operation, and after one that was cut; pure."""

import enum
import random
from dataclasses import dataclass
from typing import assert_never

ERASED = 0xFF
WORD_BYTES = 2  # the flash is 16 bits wide
UNSTABLE_BYTES = 32  # what a part of the era programs at once: its cells are half way
UNSTABLE_WORDS = 16  # one word in so many of a torn erase reads either way


class CutKind(enum.Enum):
    """How much of the operation has happened when the power goes."""

    before = "BEF"
    torn = "TORN"
    after = "AFT"
    unstable = "UNST"  # torn, and some of the torn cells read differently on each power-on


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut that is armed at operation `number`."""

    number: int
    kind: CutKind
    seed: int


def erases(data: bytes, sector: int) -> bool:
    return len(data) == sector and data == bytes([ERASED]) * sector


def done(old: bytes, data: bytes, sector: int) -> bytes:
    """Return what the cells hold after the operation: a program can only clear bits."""
    if erases(data, sector):
        return data
    both = int.from_bytes(old, "big") & int.from_bytes(data, "big")
    return both.to_bytes(len(data), "big")


def weakly(old: bytes, new: bytes) -> bytes:
    """Return what the cells hold when the first byte that was to change did not."""
    first = next(at for at in range(len(new)) if old[at] != new[at])
    return new[:first] + old[first : first + 1] + new[first + 1 :]


def unstable(
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


def partly(old: bytes, new: bytes, cut: Cut, *, erase: bool) -> bytes:
    """Return what the cells hold when the power goes in this operation.

    A torn program leaves a prefix of its changed bytes; a torn erase leaves words that are
    already erased among words that are not (docs/explanation/fault-model.md).
    """
    match cut.kind:
        case CutKind.before:
            return old
        case CutKind.after:
            return new
        case CutKind.torn | CutKind.unstable:
            return _torn(old, new, cut, erase=erase)
        case _:
            assert_never(cut.kind)


def _torn(old: bytes, new: bytes, cut: Cut, *, erase: bool) -> bytes:
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
