# SPDX-License-Identifier: MIT
"""U-Boot's redundant environment as it lies in the flash: which copy counts, and what it says.

Source: U-Boot 2023.01, env/flash.c (env_flash_init) and include/env_internal.h.
"""

import zlib

CRC_BYTES = 4
HEADER_BYTES = CRC_BYTES + 1
ACTIVE, OBSOLETE, ERASED = 1, 0, 0xFF


def active(first: bytes, second: bytes) -> dict[str, str] | None:
    """Return the variables of the copy that U-Boot takes; None when it takes its built-in ones."""
    whole = (_is_whole(first), _is_whole(second))
    if not any(whole):
        return None
    if whole[0] != whole[1]:
        return _variables(first if whole[0] else second)
    flags = (first[CRC_BYTES], second[CRC_BYTES])
    takes_second = flags == (OBSOLETE, ACTIVE) or (
        flags[0] != flags[1] and flags[1] == ERASED and flags != (ACTIVE, OBSOLETE)
    )
    return _variables(second if takes_second else first)


def _is_whole(copy: bytes) -> bool:
    crc = int.from_bytes(copy[:CRC_BYTES], "big")
    return crc == zlib.crc32(copy[HEADER_BYTES:])


def _variables(copy: bytes) -> dict[str, str]:
    text, _, _ = copy[HEADER_BYTES:].partition(b"\0\0")
    pairs = (item.partition(b"=") for item in text.split(b"\0") if item)
    return {key.decode("latin-1"): value.decode("latin-1") for key, _, value in pairs}
