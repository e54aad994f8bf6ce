# SPDX-License-Identifier: MIT
"""An environment that the rig writes is one that U-Boot reads."""

import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rig.board.catalogue import Catalogue
from rig.board.flash_map import FlashMap
from rig.board.walnut import boot_environment
from rig.board.walnut.boot_environment import ACTIVE, ERASED, OBSOLETE, active
from rig.errors import UsageError
from rig.sweep.recalled_cut import CutJudge

INDEX = Path(__file__).resolve().parents[3] / "firmware" / "out" / "index.json"
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


# ---- what a lab's boards have in their flash
def environment(words: bytes, pad: bytes = b"\xff", size: int = 512) -> bytes:
    data = words.ljust(size - 5, pad)
    return zlib.crc32(data).to_bytes(4, "big") + bytes([ACTIVE]) + data


@pytest.mark.parametrize(
    ("words", "pad", "found"),
    [
        (b"\0\0", b"\xff", {}),
        (b"", b"\0", {}),
        (b"slot=a\0bootcount=0\0\0", b"\0", {"slot": "a", "bootcount": "0"}),
        (b"slot=a\0\0net=left over\0\0", b"\xff", {"slot": "a"}),
        (b"\0slot=a\0\0", b"\xff", {"slot": "a"}),  # the first word alone may be empty
        ("slot=a\0note=Prüfling 7\0\0".encode(), b"\xff", {"slot": "a", "note": "Prüfling 7"}),
        (b"slot=a\0serial#\0\0", b"\xff", {"slot": "a"}),
        (b"slot=a\0slot\0\0", b"\xff", {}),  # a name alone deletes
        (b"slot=a\0net=\0=\0\0", b"\xff", {"slot": "a", "net": ""}),
        (b"slot=a\0slot=b\0\0", b"\xff", {"slot": "b"}),
        (b" \tslot=a\0# slot=b\0\0", b"\xff", {"slot": "a"}),
        (b"cmd=a=b; c\\\\d\\e\0\0", b"\xff", {"cmd": "a=b; c\\\\d\\e"}),
        (b"slot=a\0" + b"x=1\0" * 125, b"\xff", {"slot": "a", "x": "1"}),  # no end: 507 bytes
    ],
)
def test_what_u_boot_starts_from_is_read_as_u_boot_reads_it(
    words: bytes, pad: bytes, found: dict[str, str]
) -> None:
    block = environment(words, pad)

    assert boot_environment.read(block) == found
    assert active(block, block) == found
    after = boot_environment.read(boot_environment.pending(block, "b", "a"))
    assert after == found | {
        "slot": "b",
        "fallback": "a",
        "upgrade_available": "1",
        "bootcount": "0",
    }


def test_bytes_that_are_no_text_come_out_as_they_were() -> None:
    latin_1 = "slot=b\0note=Prüfling 7\0".encode("latin-1")

    after = boot_environment.pending(environment(latin_1 + b"\0"), "b", "a")

    assert after[5:].startswith(latin_1)


def test_a_value_without_a_name_is_what_u_boot_refuses() -> None:
    """`himport_r` gives up, and the board goes on with the variables that it was built with."""
    block = environment(b"slot=b\0=x\0\0")

    with pytest.raises(UsageError, match="has no name"):
        boot_environment.read(block)
    assert active(block, block) is None
    assert active(environment(b"slot=b\0\0"), environment(b"slot=b\0\0")) == {"slot": "b"}


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


def slots_held(words: bytes) -> str:
    """Let a judge look at a cut flash whose slot a alone holds a whole release."""
    block = environment(words)
    release = SimpleNamespace(image_size=4, image_sha256="a")
    flash_map = FlashMap.load()
    whole = flash_map.partition("slot-a").offset
    interposer = SimpleNamespace(
        read=lambda _at, _size: block, sha256=lambda at, _size: "a" if at == whole else "?"
    )
    place: Any = SimpleNamespace(
        flash_map=flash_map,
        need={"interposer": interposer}.__getitem__,
        catalogue=SimpleNamespace(releases={"1.0.0": release}),
    )
    exercise: Any = SimpleNamespace(place=place, old=release, new=release)
    return CutJudge(exercise).unsafe()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (b"slot=a\0\0", ""),
        (b"slot=b\0\0", "slot 'b'"),
        (b"slot=c\0\0", "slot 'c'"),
        ("slot=ü\0\0".encode("latin-1"), r"slot '\udcfc'"),
        (b"\0\0", "no slot"),
    ],
)
def test_an_environment_that_names_no_slot_there_is_is_the_boards(words: bytes, named: str) -> None:
    """A slot that no flash map has is no mistake of the caller's."""
    assert named in slots_held(words)
    assert bool(slots_held(words)) == bool(named)
