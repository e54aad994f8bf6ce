# SPDX-License-Identifier: MIT
"""An environment that the rig writes is one that U-Boot reads."""

import zlib
from pathlib import Path

import pytest

from rig import boot_environment
from rig.boot_environment import ACTIVE, ERASED, OBSOLETE, active
from rig.errors import UsageError
from rig.flash_map import FlashMap
from rig.release import Catalogue

INDEX = Path(__file__).resolve().parents[2] / "firmware" / "out" / "index.json"
SIZE = 0x10000


def test_what_was_built_reads_and_comes_out_the_same() -> None:
    golden = Catalogue.load(INDEX).release("1.0.0").golden.read_bytes()
    part = FlashMap.load().partition("env")
    block = golden[part.offset : part.end]

    variables = boot_environment.read(block)

    assert (variables["slot"], variables["upgrade_available"]) == ("a", "0")
    assert boot_environment.write(variables, SIZE) == block


def test_a_pending_upgrade_is_what_the_updater_commits() -> None:
    block = boot_environment.write({"slot": "a", "bootcount": "2", "net": "dhcp"}, SIZE)

    found = boot_environment.read(boot_environment.pending(block, "b", "a"))

    assert found == {
        "slot": "b",
        "fallback": "a",
        "upgrade_available": "1",
        "bootcount": "0",
        "net": "dhcp",
    }


def test_damage_and_excess_are_refused() -> None:
    block = bytearray(boot_environment.write({"slot": "a"}, SIZE))
    block[9] ^= 1
    with pytest.raises(UsageError, match="CRC-32 is wrong"):
        boot_environment.read(bytes(block))
    with pytest.raises(UsageError, match="does not fit"):
        boot_environment.write({"slot": "a" * 100}, 64)


# ---- which of the two copies counts
def copy(text: str, flag: int) -> bytes:
    data = (text.replace(" ", "\0").encode() + b"\0\0").ljust(123, b"\0")
    return zlib.crc32(data).to_bytes(4, "big") + bytes([flag]) + data


@pytest.mark.parametrize(
    ("flags", "taken"),
    [
        ((ACTIVE, OBSOLETE), "a"),
        ((OBSOLETE, ACTIVE), "b"),
        ((ACTIVE, ACTIVE), "a"),
        ((OBSOLETE, OBSOLETE), "a"),
        ((ERASED, ACTIVE), "a"),
        ((OBSOLETE, ERASED), "b"),
    ],
)
def test_of_two_whole_copies_the_flags_decide(flags: tuple[int, int], taken: str) -> None:
    pair = (copy("slot=a", flags[0]), copy("slot=b", flags[1]))
    assert active(*pair) == {"slot": taken}


def test_a_torn_copy_never_counts() -> None:
    torn = copy("slot=b", ACTIVE)[:60].ljust(128, b"\xff")
    assert active(copy("slot=a x=1", OBSOLETE), torn) == {"slot": "a", "x": "1"}
    assert active(torn, torn) is None


def test_the_golden_flash_names_slot_a() -> None:
    golden = Catalogue.load(INDEX).release("1.0.0").golden.read_bytes()
    pair = [FlashMap.load().partition(name) for name in ("env", "env-redund")]
    found = active(*(golden[part.offset : part.end] for part in pair))
    assert found is not None
    assert (found["slot"], found["upgrade_available"]) == ("a", "0")
