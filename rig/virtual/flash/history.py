# SPDX-License-Identifier: MIT
"""A journalled run of a flash, of which every state can be had again."""

import hashlib
from dataclasses import dataclass, field

from rig.virtual.flash.cells import Cut, done, erases, partly, unstable


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
            self._flash[offset : offset + len(data)] = done(old, data, self.sector)
            start = offset - offset % self.sector
            self._digests[start // self.sector] = self._sector_digest(start)
        self._at = cut.number - 1
        offset, data = self.operations[cut.number - 1]
        old = bytes(self._flash[offset : offset + len(data)])
        new = done(old, data, self.sector)
        return self._flash, (offset, partly(old, new, cut, erase=erases(data, self.sector)))

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
        new = done(old, data, self.sector)
        return unstable(old, new, left, cut, offset, erase=erases(data, self.sector))
