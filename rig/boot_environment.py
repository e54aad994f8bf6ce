# SPDX-License-Identifier: MIT
"""U-Boot's environment as bytes on flash, docs/reference/boot-environment.md.

Format: env_t with CONFIG_SYS_REDUNDAND_ENVIRONMENT in U-Boot's include/env_internal.h: CRC-32 of
the data in the board's byte order, a flag byte (1 is in force), NUL-separated `key=value`; the
rest is 0xFF, as mkenvimage leaves it.
"""

import zlib
from collections.abc import Mapping

from rig.errors import UsageError

CRC_BYTES = 4
HEADER_BYTES = CRC_BYTES + 1
ACTIVE, OBSOLETE, ERASED = 1, 0, 0xFF  # the flag byte
IN_FORCE = bytes([ACTIVE])


def active(first: bytes, second: bytes) -> dict[str, str] | None:
    """Return the variables of the copy that U-Boot takes; None when it takes its built-in ones.

    Source: U-Boot 2023.01, env/flash.c, env_flash_init().
    """
    whole = (_is_whole(first), _is_whole(second))
    if not any(whole):
        return None
    if whole[0] != whole[1]:
        return read(first if whole[0] else second)
    flags = (first[CRC_BYTES], second[CRC_BYTES])
    takes_second = flags == (OBSOLETE, ACTIVE) or (
        flags[0] != flags[1] and flags[1] == ERASED and flags != (ACTIVE, OBSOLETE)
    )
    return read(second if takes_second else first)


def _is_whole(block: bytes) -> bool:
    return zlib.crc32(block[HEADER_BYTES:]) == int.from_bytes(block[:CRC_BYTES], "big")


def read(block: bytes) -> dict[str, str]:
    """Return the variables of one copy.

    Raises:
        UsageError: its checksum is wrong.
    """
    data = block[HEADER_BYTES:]
    if not _is_whole(block):
        raise UsageError("this is no environment of a big-endian board: its CRC-32 is wrong")
    words = data[: data.index(b"\0\0")].decode("ascii").split("\0")
    return dict(word.split("=", 1) for word in words)


def write(variables: Mapping[str, str], size: int) -> bytes:
    """Return the copy that is in force, `size` bytes long.

    Raises:
        UsageError: it does not fit.
    """
    text = "".join(f"{key}={value}\0" for key, value in variables.items()).encode("ascii") + b"\0"
    if len(text) > size - HEADER_BYTES:
        raise UsageError(f"an environment of {len(text)} bytes does not fit {size}")
    data = text.ljust(size - HEADER_BYTES, b"\xff")
    return zlib.crc32(data).to_bytes(4, "big") + IN_FORCE + data


def pending(block: bytes, slot: str, fallback: str) -> bytes:
    """Return `block` as the updater's commit would leave it: `slot` is tried, unconfirmed."""
    change = {"slot": slot, "fallback": fallback, "upgrade_available": "1", "bootcount": "0"}
    return write(read(block) | change, len(block))
