# SPDX-License-Identifier: MIT
"""U-Boot's environment as bytes on flash, docs/reference/boot-environment.md.

Format: env_t with CONFIG_SYS_REDUNDAND_ENVIRONMENT in U-Boot's include/env_internal.h: CRC-32 of
the data in the board's byte order, a flag byte (1 is in force), NUL-separated `key=value`; the
rest is 0xFF, as mkenvimage leaves it.
"""

import zlib
from collections.abc import Mapping

from rig.errors import UsageError

HEADER_BYTES = 5
IN_FORCE = b"\x01"


def read(block: bytes) -> dict[str, str]:
    """Return the variables of one copy.

    Raises:
        UsageError: its checksum is wrong.
    """
    data = block[HEADER_BYTES:]
    if zlib.crc32(data) != int.from_bytes(block[:4], "big"):
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
