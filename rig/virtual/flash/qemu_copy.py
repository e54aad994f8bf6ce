# SPDX-License-Identifier: MIT
"""QEMU's own copy of the flash.

QEMU reads the flash when it starts, and from then on answers the board from its memory (7.2,
hw/block/pflash_cfi01.c: pflash_cfi01_realize reads it, pflash_update only writes).  What a part
holds in place of what it was sent must therefore be put there, or the board's read-back is blind.
"""

from collections.abc import Iterator
from pathlib import Path

from rig.errors import BenchError


def change(pid: int, size: int, offset: int, sent: bytes, held: bytes) -> None:
    """Make process `pid` read `held` where its copy of the flash, `size` bytes, has `sent`.

    Raises:
        BenchError: no part of its memory is such a copy, or more than one is.
        OSError: its memory cannot be read or written.
    """
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        found = []
        for start in _mappings(pid, size):
            memory.seek(start + offset)
            if memory.read(len(sent)) == sent:
                found.append(start)
        if len(found) != 1:
            raise BenchError(f"process {pid} has {len(found)} copies of the flash in its memory")
        memory.seek(found[0] + offset)
        memory.write(held)


def _mappings(pid: int, size: int) -> Iterator[int]:
    """Yield where the process has writable memory of that size (proc(5), maps)."""
    for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
        addresses, access, *_ = line.split()
        start, end = (int(address, 16) for address in addresses.split("-"))
        if end - start == size and access.startswith("rw"):
            yield start
