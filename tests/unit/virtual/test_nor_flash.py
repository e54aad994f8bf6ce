# SPDX-License-Identifier: MIT
"""The interposer's flash: every operation counted, every cut exact and repeatable."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.virtual.flash.cells import Cut, CutKind, partly
from rig.virtual.flash.nor_flash import NorFlash

SECTOR = 1024
SIZE = 8 * SECTOR
ERASE = b"\xff" * SECTOR


@pytest.fixture
def flash(tmp_path: Path) -> NorFlash:
    path = tmp_path / "flash.nor"
    path.write_bytes(bytes(SIZE))
    return NorFlash(path, SECTOR)


def test_operations_are_numbered_from_one_in_their_order(flash: NorFlash) -> None:
    assert flash.operate(SECTOR, ERASE)
    assert flash.operate(SECTOR, b"\x5a" * 64)
    lines = [str(operation).rsplit(",", 1)[0] for operation in flash.journal]
    assert lines == ["1,ERASE,1024,1024", "2,PROGRAM,1024,64"]
    assert 0.0 <= flash.journal[0].at_s <= flash.journal[1].at_s


@pytest.mark.parametrize(
    ("kind", "left"), [(CutKind.before, b"\xff" * 64), (CutKind.after, b"\x5a" * 64)]
)
def test_a_cut_leaves_all_or_nothing_of_its_operation(
    flash: NorFlash, kind: CutKind, left: bytes
) -> None:
    flash.arm(Cut(2, kind, 0))
    assert flash.operate(SECTOR, ERASE)
    cut = flash.operate(SECTOR, b"\x5a" * 64)
    assert not cut, "the cut operation must not be acknowledged"
    assert flash.read(SECTOR, 64) == left
    assert flash.fired is not None
    assert flash.fired.applied == sum(byte != 0xFF for byte in left)


def test_a_program_clears_bits_and_cannot_set_them(flash: NorFlash) -> None:
    flash.operate(SECTOR, ERASE)
    flash.operate(SECTOR, b"\x0f" * 64)
    assert flash.violations == 0
    flash.operate(SECTOR, b"\xf3" * 64)
    assert flash.read(SECTOR, 64) == b"\x03" * 64
    assert flash.violations == 1


def write_three(flash: NorFlash) -> None:
    flash.operate(SECTOR, ERASE)
    flash.operate(SECTOR, b"\x5a" * 64)
    flash.operate(SECTOR + 64, b"\xa5" * 64)


@pytest.mark.parametrize("kind", CutKind)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_recalled_state_is_what_the_same_cut_leaves(
    tmp_path: Path, kind: CutKind, number: int
) -> None:
    """The short way of a sweep stands on this."""
    flashes = []
    for name in ("recorded", "cut"):
        path = tmp_path / name
        path.write_bytes(bytes(SIZE))
        flashes.append(NorFlash(path, SECTOR))
    recorded, cut = flashes
    recorded.start_history()
    write_three(recorded)
    assert recorded.stop_history() == 3
    recorded.operate(0, ERASE)  # after the recording: not part of it
    recorded.recall(Cut(number, kind, 5))

    cut.arm(Cut(number, kind, 5))
    for offset, data in ((SECTOR, ERASE), (SECTOR, b"\x5a" * 64), (SECTOR + 64, b"\xa5" * 64)):
        if not cut.operate(offset, data):
            break
    assert recorded.read(0, SIZE) == cut.read(0, SIZE)
    assert recorded.history.sha256(Cut(number, kind, 5)) == cut.digest(0, SIZE)
    sectors = [cut.read(at, SECTOR) for at in range(0, SIZE, SECTOR)]
    tree = b"".join(hashlib.sha256(sector).digest() for sector in sectors)
    assert recorded.history.digest(Cut(number, kind, 5)) == hashlib.sha256(tree).hexdigest()
    for flash in flashes:
        flash.power_up()
    assert recorded.read(0, SIZE) == cut.read(0, SIZE), "unstable cells fall to the same sides"


def test_unstable_cells_change_from_boot_to_boot_until_they_are_erased(flash: NorFlash) -> None:
    flash.operate(SECTOR, ERASE)
    flash.arm(Cut(2, CutKind.unstable, 3))
    flash.operate(SECTOR, b"\x00" * 64)
    seen = set()
    for _ in range(5):
        flash.power_up()
        seen.add(flash.read(SECTOR, 64))
    assert len(seen) > 1
    flash.disarm()
    flash.operate(SECTOR, ERASE)
    flash.power_up()
    assert flash.read(SECTOR, 64) == b"\xff" * 64


def test_histories_lie_on_top_of_each_other(flash: NorFlash) -> None:
    flash.start_history()
    write_three(flash)
    flash.stop_history()
    flash.recall(Cut(2, CutKind.before, 0))
    flash.start_history()
    flash.operate(SECTOR, b"\x00" * 64)
    assert flash.stop_history() == 1
    flash.drop_history()
    assert (flash.depth, len(flash.history.operations)) == (1, 3)


@given(st.binary(min_size=1, max_size=64), st.binary(min_size=64, max_size=64), st.integers(0, 99))
def test_a_torn_program_leaves_a_prefix_of_its_changes(new: bytes, old: bytes, seed: int) -> None:
    new = new.ljust(64, b"\xff")
    left = partly(old, new, Cut(7, CutKind.torn, seed), erase=False)
    end = next((at for at in range(64) if left[at] != new[at]), 64)
    assert left == new[:end] + old[end:]
    assert left == partly(old, new, Cut(7, CutKind.torn, seed), erase=False)
    assert new == old or left != new, "torn is not complete"


@settings(deadline=None)
@given(st.integers(0, 999))
def test_a_torn_erase_leaves_words_that_are_old_or_erased(seed: int) -> None:
    old = bytes(range(256)) * 4
    left = partly(old, ERASE, Cut(1, CutKind.torn, seed), erase=True)
    for at in range(0, SECTOR, 2):
        assert left[at : at + 2] in (old[at : at + 2], b"\xff\xff")


def test_other_seeds_tear_elsewhere() -> None:
    old, new = bytes(512), b"\x5a" * 512
    torn = {partly(old, new, Cut(1, CutKind.torn, seed), erase=False) for seed in range(20)}
    assert len(torn) > 10


def test_a_cut_in_the_past_is_refused(flash: NorFlash) -> None:
    flash.operate(0, b"x" * 64)
    with pytest.raises(ValueError, match="is past"):
        flash.arm(Cut(1, CutKind.torn, 1))


def test_real_timing_takes_what_the_data_sheet_says(flash: NorFlash) -> None:
    assert flash.duration_s(0, bytes(64), b"x" * 64) == 0.0
    flash.real_timing = True
    assert flash.duration_s(0, bytes(SECTOR), ERASE) == 1.0
    assert flash.duration_s(0, bytes(64), b"x" * 64) == pytest.approx(2 * 218e-6)


def test_a_weak_program_leaves_a_byte_as_it_was_once_and_says_so(flash: NorFlash) -> None:
    missed: list[tuple[int, bytes, bytes]] = []
    flash.missed = lambda *what: missed.append(what)
    flash.weak = 2
    flash.operate(SECTOR, ERASE)
    flash.operate(SECTOR, b"\xff" * 64)  # changes nothing, so nothing of it can be missing

    for at in (0, 64, 128):
        assert flash.operate(SECTOR + at, b"\xff" + b"\x5a" * 63), "the board is told that it took"

    sent, held = b"\xff" + b"\x5a" * 63, b"\xff\xff" + b"\x5a" * 62
    assert [flash.read(SECTOR + at, 64) for at in (0, 64, 128)] == [sent, held, sent]
    assert (missed, flash.met) == ([(SECTOR + 64, sent, held)], 1)
    assert flash.journal[-2].digest == hashlib.sha256(held).hexdigest()[:16]
