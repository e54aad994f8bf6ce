# SPDX-License-Identifier: MIT
"""The rig reads the environment pair as U-Boot does."""

import zlib

import pytest

from rig.environment import ACTIVE, ERASED, OBSOLETE, active
from rig.release import Catalogue, FlashMap
from tests.bench.conftest import INDEX


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
