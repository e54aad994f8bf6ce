# SPDX-License-Identifier: MIT
"""The flash interposer, docs/reference/interposer.md: numbers operations, cuts power at one."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rig.errors import InstrumentError, UsageError
from rig.faults.plan import SEED_MAX, Kind
from rig.instruments.link import ScpiLink, check, send, whole

SECTOR_BYTES = 65_536  # unit of comparison when a flash is restored
CALL_BYTES = 1_048_576  # most that one FLASh:DATA? or FLASh:WRITe moves
CALL_LINES = 10_000  # most that one JOURnal:DATA? or JOURnal:TIMes? gives

T = TypeVar("T")
_KINDS = {Kind.before: "BEF", Kind.torn: "TORN", Kind.after: "AFT", Kind.unstable: "UNST"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRecord:
    """A cut that was made; `applied` is how many bytes the operation had changed before it."""

    operation: int
    kind: Kind
    seed: int
    what: str  # ERASE or PROGRAM
    offset: int
    length: int
    applied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One line of the journal; `sha256` is the start of the hash of what the operation left."""

    number: int
    what: str
    offset: int
    length: int
    sha256: str


class Interposer:
    """The instrument between the board and its flash."""

    def __init__(self, link: ScpiLink) -> None:
        self._link = link
        self._identity = ""

    def identity(self) -> str:
        """Return the ``*IDN?`` answer, asked for once."""
        self._identity = self._identity or self._link.query("*IDN?").strip()
        return self._identity

    def count(self) -> int:
        """Return the number of flash operations since the last `reset_count`."""
        return whole(self._link, "OPER:COUN?")

    def reset_count(self) -> None:
        send(self._link, "OPER:COUN:RES")

    def arm(self, operation: int, kind: Kind, seed: int = 0) -> None:
        """Arm a cut of the power at `operation`, counted since the last `reset_count`.

        Raises:
            UsageError: the cut cannot be made.
            InstrumentError: the operation has been passed.
        """
        send(self._link, f"CUT:ARM {_cut(operation, kind, seed)}")

    def disarm(self) -> None:
        send(self._link, "CUT:DIS")

    def state(self) -> str:
        """Return IDLE, ARMED or FIRED."""
        reply = self._link.query("CUT:STAT?").strip()
        if reply not in {"IDLE", "ARMED", "FIRED"}:
            raise InstrumentError(self._link.name, command="CUT:STAT?", reply=reply)
        return reply

    def last(self) -> CutRecord | None:
        """Return the cut that was made, None if none was."""
        if self.state() != "FIRED":
            return None
        reply = self._link.query("CUT:LAST?").strip()
        try:
            operation, kind, seed, what, offset, length, applied = reply.split(",")
            return CutRecord(
                operation=int(operation),
                kind={text: kind for kind, text in _KINDS.items()}[kind],
                seed=int(seed),
                what=what,
                offset=int(offset),
                length=int(length),
                applied=int(applied),
            )
        except (ValueError, KeyError) as error:
            raise InstrumentError(self._link.name, command="CUT:LAST?", reply=reply) from error

    def journal(self, first: int, count: int) -> tuple[Operation, ...]:
        """Return `count` operations from number `first` on; fewer at the journal's end."""
        return tuple(self._lines("JOUR:DATA?", first, count, _operation))

    def times(self, first: int, count: int) -> tuple[float, ...]:
        """Return when those operations were done, in seconds since the count was reset."""
        return tuple(self._lines("JOUR:TIM?", first, count, float))

    def _lines(self, query: str, first: int, count: int, read: Callable[[str], T]) -> list[T]:
        """Ask for `count` lines in as many calls as it takes; `read` makes sense of one."""
        lines: list[T] = []
        while len(lines) < count:
            wanted = min(CALL_LINES, count - len(lines))
            command = f"{query} {first + len(lines)},{wanted}"
            block = self._link.query_block(command)
            try:
                part = [read(line) for line in block.decode("ascii").splitlines()]
            except ValueError as error:
                reply = repr(block[:80])
                raise InstrumentError(self._link.name, command=command, reply=reply) from error
            lines += part
            if len(part) < wanted:
                break
        return lines

    def violations(self) -> int:
        """Return how many programs since `reset_count` were to set a bit, which no flash can."""
        return whole(self._link, "JOUR:VIOL?")

    def start_history(self) -> None:
        """Record from now on, on top of the histories that are there; resets the count."""
        send(self._link, "HIST:STAR")

    def stop_history(self) -> int:
        """End the recording; return how many operations it has."""
        send(self._link, "HIST:STOP")
        return whole(self._link, "HIST:LENG?")

    def drop_history(self) -> None:
        """Forget the topmost history."""
        send(self._link, "HIST:DROP")

    def drop_all(self) -> None:
        """Forget every history, an earlier run's included."""
        for _ in range(whole(self._link, "HIST:DEPT?")):
            self.drop_history()

    def recall(self, operation: int, kind: Kind, seed: int = 0) -> None:
        """Make the flash what a cut leaves of the topmost history; the board must be off."""
        send(self._link, f"HIST:REC {_cut(operation, kind, seed)}")

    def recalled_sha256(self, operation: int, kind: Kind, seed: int = 0) -> str:
        """Return the hash of the flash that `recall` would make, and leave the flash alone."""
        return _digest(self._link, f"HIST:SHA256? {_cut(operation, kind, seed)}")

    def recalled_digest(self, operation: int, kind: Kind, seed: int = 0) -> str:
        """Return the SHA-256 of the sectors' SHA-256s of that flash: tells states apart, fast."""
        return _digest(self._link, f"HIST:DIG? {_cut(operation, kind, seed)}")

    def size(self) -> int:
        """Return the flash's size in bytes."""
        return whole(self._link, "FLAS:SIZE?")

    def sha256(self, offset: int | None = None, length: int | None = None) -> str:
        """Return the hash of the whole flash, or of `length` bytes at `offset`."""
        part = "" if offset is None else f" {offset},{length}"
        return _digest(self._link, f"FLAS:SHA256?{part}")

    def read(self, offset: int, length: int) -> bytes:
        """Read a part of the flash."""
        data = bytearray()
        while len(data) < length:
            wanted = min(CALL_BYTES, length - len(data))
            command = f"FLAS:DATA? {offset + len(data)},{wanted}"
            part = self._link.query_block(command)
            if len(part) != wanted:
                raise InstrumentError(self._link.name, command=command, reply=f"{len(part)} bytes")
            data += part
        return bytes(data)

    def restore(self, image: Path, progress: Callable[[float], None] | None = None) -> int:
        """Make the flash equal to `image`; the board must be off.  Return the bytes written.

        Only sectors that differ are written.  `progress` is told the share that is done.

        Raises:
            UsageError: the image is not of the flash's size.
            InstrumentError: the flash differs afterwards, or the board is on.
        """
        wanted = image.read_bytes()
        if len(wanted) != (size := self.size()):
            raise UsageError(f"{image} has {len(wanted)} bytes, the flash {size}")
        tell = progress or (lambda _share: None)
        written = 0
        for offset, length in _runs(self._differing(wanted)):
            self._link.write_block(f"FLAS:WRIT {offset},", wanted[offset : offset + length])
            check(self._link, f"FLAS:WRIT {offset},<{length} bytes>")
            written += length
            tell(offset / size)
        if (found := self.sha256()) != hashlib.sha256(wanted).hexdigest():
            raise InstrumentError(
                self._link.name, command=f"FLAS:WRIT <{image}>", reply=f"flash hash {found}"
            )
        tell(1.0)
        return written

    def _differing(self, wanted: bytes) -> Iterator[int]:
        for offset in range(0, len(wanted), SECTOR_BYTES):
            part = wanted[offset : offset + SECTOR_BYTES]
            if self.sha256(offset, len(part)) != hashlib.sha256(part).hexdigest():
                yield offset

    def timing(self, mode: str) -> None:
        """Choose the flash's timing.

        Raises:
            UsageError: `mode` is not NONE or J3.
        """
        if mode not in {"NONE", "J3"}:
            raise UsageError(f"flash timing is NONE or J3, not {mode!r}")
        send(self._link, f"TIM {mode}")


def _operation(line: str) -> Operation:
    number, what, at, size, digest = line.split(",")
    return Operation(number=int(number), what=what, offset=int(at), length=int(size), sha256=digest)


def _cut(operation: int, kind: Kind, seed: int) -> str:
    if operation < 1 or kind not in _KINDS or not 0 <= seed <= SEED_MAX:
        raise UsageError(f"no cut at operation {operation}, {kind.value}, seed {seed}")
    return f"{operation},{_KINDS[kind]},{seed}"


def _digest(link: ScpiLink, command: str) -> str:
    reply = link.query(command).strip().strip('"').lower()
    if len(reply) != 64 or set(reply) - set("0123456789abcdef"):
        raise InstrumentError(link.name, command=command, reply=reply)
    return reply


def _runs(offsets: Iterator[int]) -> list[tuple[int, int]]:
    """Join neighbouring sectors into (offset, length) of at most one call each."""
    runs: list[tuple[int, int]] = []
    for offset in offsets:
        if runs and sum(runs[-1]) == offset and runs[-1][1] < CALL_BYTES:
            runs[-1] = (runs[-1][0], runs[-1][1] + SECTOR_BYTES)
        else:
            runs.append((offset, SECTOR_BYTES))
    return runs
