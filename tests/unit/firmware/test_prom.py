# SPDX-License-Identifier: MIT
"""A PROM's trailer: build, board and boot-select logic agree, and no torn PROM is ever started."""

import ctypes
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.build.errors import BuildError
from firmware.build.flash_map import FlashMap
from firmware.build.prom import Prom
from rig.virtual.board import boot_select
from rig.virtual.flash.cells import Cut, CutKind
from rig.virtual.flash.nor_flash import NorFlash

SOURCES = Path(__file__).resolve().parents[3] / "firmware" / "board" / "walnutd"
FLASH_MAP = FlashMap.load()
SECTOR, BUFFER, SIZE = 512, 64, 2048  # a small flash of the same kind
versions = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,41}", fullmatch=True)
images = st.binary(min_size=1, max_size=SIZE - SECTOR)


def laid_out(prom: Prom, size: int = SIZE) -> bytes:
    trailer = prom.trailer()
    return prom.image.ljust(size - len(trailer), b"\xff") + trailer


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("walnutd")
    command = ["make", "-s", "-C", str(SOURCES), "host", "CC=gcc", f"OUT={out}"]
    subprocess.run(command, check=True)
    (out / "walnut-prom").symlink_to("walnutd-host")
    return out


@pytest.fixture(scope="module")
def library(built: Path) -> ctypes.CDLL:
    found = ctypes.CDLL(str(built / "libwalnut.so"))
    found.trailer_version.restype = ctypes.c_char_p
    found.trailer_encode.restype = ctypes.c_bool
    return found


def board_version(library: ctypes.CDLL, partition: bytes, sector: int = SECTOR) -> str | None:
    size = ctypes.c_size_t(len(partition))
    found = library.trailer_version(partition, size, ctypes.c_size_t(sector))
    return None if found is None else str(found.decode("ascii"))


def board_trailer(library: ctypes.CDLL, image: bytes, version: str) -> bytes | None:
    trailer = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(image))
    made = library.trailer_encode(image, size, version.encode(), trailer)
    return trailer.raw if made else None


@settings(deadline=None)
@given(images, versions)
def test_build_board_and_boot_select_mean_the_same_trailer(
    library: ctypes.CDLL, image: bytes, version: str
) -> None:
    prom = Prom(version, image)

    assert board_trailer(library, image, version) == prom.trailer()
    assert board_version(library, laid_out(prom)) == version
    assert boot_select.image(laid_out(prom), SECTOR) == image


@settings(deadline=None)
@given(images, versions, st.data())
def test_any_flipped_bit_is_detected(
    library: ctypes.CDLL, image: bytes, version: str, data: st.DataObject
) -> None:
    whole = laid_out(Prom(version, image))
    guarded = [*range(len(image)), *range(SIZE - 64, SIZE)]
    at, bit = data.draw(st.sampled_from(guarded)), data.draw(st.integers(0, 7))
    flipped = bytearray(whole)
    flipped[at] ^= 1 << bit

    assert boot_select.image(bytes(flipped), SECTOR) is None
    assert board_version(library, bytes(flipped)) is None


@settings(deadline=None)
@given(images, versions, st.data())
def test_any_torn_prefix_is_detected(
    library: ctypes.CDLL, image: bytes, version: str, data: st.DataObject
) -> None:
    """What is programmed in the order of addresses, and stops somewhere."""
    whole = laid_out(Prom(version, image))
    end = data.draw(st.one_of(st.integers(0, len(image)), st.integers(SIZE - 64, SIZE - 1)))
    torn = whole[:end].ljust(SIZE, b"\xff")

    if torn != whole:
        assert boot_select.image(torn, SECTOR) is None
        assert board_version(library, torn) is None


@pytest.mark.parametrize("version", ["", "a b", "x" * 44, "caf\u00e9", "a/b"])
def test_a_version_that_is_none_gets_no_trailer(library: ctypes.CDLL, version: str) -> None:
    assert board_trailer(library, b"image", version) is None


def test_an_image_that_reaches_into_the_trailers_sector_is_none(library: ctypes.CDLL) -> None:
    fits, too_long = (Prom("1", b"x" * (SIZE - SECTOR + extra)) for extra in (0, 1))

    assert boot_select.image(laid_out(fits), SECTOR) == fits.image
    assert boot_select.image(laid_out(too_long), SECTOR) is None
    assert board_version(library, laid_out(too_long)) is None
    with pytest.raises(BuildError, match="has room for 983040 bytes"):
        Prom("1", bytes(0xF0001)).partition("prom", FLASH_MAP)


# ---- an update, cut at each of its operations
OLD, NEW = Prom("1", bytes(range(256)) * 4), Prom("2", bytes(range(255, -1, -1)) * 4)


def update(prom: Prom) -> Iterator[tuple[int, bytes]]:
    """Give the flash operations of `walnut-update-prom`."""
    yield SIZE - SECTOR, b"\xff" * SECTOR
    for at in range(0, len(prom.image), SECTOR):
        yield at, b"\xff" * SECTOR
    for at in range(0, len(prom.image), BUFFER):
        yield at, prom.image[at : at + BUFFER]
    yield SIZE - 64, prom.trailer()


def started(cut: Cut) -> tuple[bytes | None, bytes]:
    """Return the image that the board starts after `cut`, and what lies in the flash."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(laid_out(OLD))
        file.flush()
        flash = NorFlash(Path(file.name), SECTOR)
        flash.arm(cut)
        for offset, data in update(NEW):
            if not flash.operate(offset, data):
                break
        flash.power_up()
        left = flash.read(0, SIZE)
        flash.close()
    return boot_select.image(left, SECTOR), left


LAST = len(list(update(NEW)))


@settings(deadline=None, max_examples=300)
@given(st.integers(1, LAST), st.sampled_from(CutKind), st.integers(0, 2**32 - 1))
def test_after_any_cut_the_old_the_new_or_the_fallback_is_started(
    number: int, kind: CutKind, seed: int
) -> None:
    image, _ = started(Cut(number, kind, seed))

    if 1 < number < LAST:
        assert image is None
    elif number == 1:
        assert image in {OLD.image, None}
    else:
        assert image in {NEW.image, None}


def test_the_first_operation_ends_the_old_prom_and_the_last_begins_the_new() -> None:
    expected = {
        (1, CutKind.before): OLD.image,
        (1, CutKind.after): None,
        (LAST, CutKind.before): None,
        (LAST, CutKind.torn): None,
        (LAST, CutKind.after): NEW.image,
    }

    assert {key: started(Cut(*key, 0))[0] for key in expected} == expected


def test_what_the_first_bytes_say_is_not_enough() -> None:
    """The partner: cut in the middle of the program, the PROM has its first bytes, and is torn."""
    image, left = started(Cut(LAST // 2 + 2, CutKind.torn, 1))

    assert left.startswith(NEW.image[:16])
    assert image is None


def run(built: Path, *words: object) -> tuple[int, str]:
    command = [built / "walnut-prom", *words]
    done = subprocess.run(
        [str(word) for word in command], check=False, capture_output=True, text=True
    )
    return done.returncode, done.stdout.strip()


def test_the_boards_program_seals_and_unseals(built: Path, tmp_path: Path) -> None:
    size = FLASH_MAP.partition("prom").size
    prom = Prom("2023.01-test", bytes(range(256)) * 1000)
    device, image = tmp_path / "mtd0", tmp_path / "u-boot"
    image.write_bytes(prom.image)
    device.write_bytes(prom.image.ljust(size, b"\xff"))

    assert run(built, "room", device) == (0, str(size - FLASH_MAP.sector))
    assert run(built, "version", device) == (1, "")
    assert run(built, "seal", device, image, prom.version) == (0, prom.version)
    assert device.read_bytes() == prom.partition("prom", FLASH_MAP)
    assert run(built, "unseal", device) == (0, "")
    assert run(built, "version", device) == (1, "")
    assert device.read_bytes() == prom.image.ljust(size, b"\xff")
    assert run(built, "seal", device)[0] == 2


def test_a_seal_on_bytes_that_are_not_the_files_is_a_no(built: Path, tmp_path: Path) -> None:
    device, image = tmp_path / "mtd0", tmp_path / "u-boot"
    image.write_bytes(b"u-boot" * 100)
    device.write_bytes(b"\xff" * FLASH_MAP.partition("prom").size)

    assert run(built, "seal", device, image, "2023.01-test") == (1, "")
