# SPDX-License-Identifier: MIT
"""What the flash holds reaches a process that has read it already."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from rig.errors import BenchError
from rig.virtual.flash import qemu_copy

SIZE = 1 << 24
OFFSET = 0x200000
SENT, HELD = b"\x5a" * 64, b"\xff" + b"\x5a" * 63
# Two mappings of the flash's size: one has the flash in it, one is something else's.
PROGRAM = f"""
import mmap
maps = [mmap.mmap(-1, {SIZE}) for _ in range(2)]
maps[0][{OFFSET}:{OFFSET + len(SENT)}] = {SENT!r}
print("ready", flush=True)
input()
for one in maps:
    print(one[{OFFSET}:{OFFSET + len(SENT)}].hex())
"""


@pytest.fixture
def reader() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def test_the_copy_that_has_what_was_sent_is_changed_and_no_other(
    reader: subprocess.Popen[str],
) -> None:
    qemu_copy.change(reader.pid, SIZE, OFFSET, SENT, HELD)
    said, _ = reader.communicate("\n", timeout=10)
    assert said.split() == [HELD.hex(), bytes(len(SENT)).hex()]


def test_a_process_without_such_a_copy_is_the_benchs_failure(
    reader: subprocess.Popen[str],
) -> None:
    with pytest.raises(BenchError, match="0 copies"):
        qemu_copy.change(reader.pid, SIZE, OFFSET, b"\xa5" * 64, HELD)
    reader.communicate("\n", timeout=10)
