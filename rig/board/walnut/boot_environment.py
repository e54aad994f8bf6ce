# SPDX-License-Identifier: MIT
"""U-Boot's environment as bytes on flash, docs/reference/boot-environment.md.

Format: env_t with CONFIG_SYS_REDUNDAND_ENVIRONMENT in U-Boot's include/env_internal.h: CRC-32 of
the data in the board's byte order, a flag byte (1 is in force), NUL-separated `key=value`.  After
the last, an empty one, anything may follow: 0xFF from mkenvimage, zeros from saveenv.  Values are
bytes: what is no UTF-8 is kept as Python's surrogates and comes out as it was.
"""

import zlib
from collections.abc import Iterator, Mapping

from rig.errors import UsageError

CRC_BYTES = 4
HEADER_BYTES = CRC_BYTES + 1
ACTIVE, OBSOLETE, ERASED = 1, 0, 0xFF  # the flag byte
IN_FORCE = bytes([ACTIVE])
BLANKS, COMMENT = b" \t", b"#"
TEXT = ("utf-8", "surrogateescape")


def active(first: bytes, second: bytes) -> dict[str, str] | None:
    """Return the variables of the copy that U-Boot takes; None when it takes its built-in ones.

    Source: U-Boot 2023.01, env/flash.c, env_flash_init().
    """
    whole = (_is_whole(first), _is_whole(second))
    if not any(whole):
        return None
    if whole[0] != whole[1]:
        return _taken(first if whole[0] else second)
    flags = (first[CRC_BYTES], second[CRC_BYTES])
    takes_second = flags == (OBSOLETE, ACTIVE) or (
        flags[0] != flags[1] and flags[1] == ERASED and flags != (ACTIVE, OBSOLETE)
    )
    return _taken(second if takes_second else first)


def _taken(block: bytes) -> dict[str, str] | None:
    try:
        return read(block)
    except UsageError:  # "Cannot import environment": U-Boot goes on with its built-in one
        return None


def _is_whole(block: bytes) -> bool:
    return zlib.crc32(block[HEADER_BYTES:]) == int.from_bytes(block[:CRC_BYTES], "big")


def read(block: bytes) -> dict[str, str]:
    """Return the variables of one copy as U-Boot takes them; it may have none.

    Source: U-Boot 2023.01, lib/hashtable.c, himport_r(): blanks before a name are skipped, a word
    that begins with `#` is a comment, a name alone deletes (`name=` is left here as an empty text),
    the later of two counts.  U-Boot's escapes stay as they are on the flash: fw_setenv knows none.

    Raises:
        UsageError: its checksum is wrong, or U-Boot refuses it for a value without a name.
    """
    if not _is_whole(block):
        raise UsageError("this is no environment of a big-endian board: its CRC-32 is wrong")
    found: dict[str, str] = {}
    for word in _words(block[HEADER_BYTES:]):
        name, equals, value = word.partition(b"=")
        if value and not name:
            raise UsageError(f"U-Boot refuses this environment: {word[:40]!r} has no name")
        if name and equals:
            found[name.decode(*TEXT)] = value.decode(*TEXT)
        else:
            found.pop(name.decode(*TEXT), None)
    return found


def _words(data: bytes) -> Iterator[bytes]:
    """Give each word up to the first empty one, or the end; the first alone may be empty."""
    data += b"\0"  # U-Boot's copy has one more, too: a full environment has no end of its own
    at = 0
    while at == 0 or data[at : at + 1] not in {b"", b"\0"}:
        end = data.index(b"\0", at)
        word = data[at:end].lstrip(BLANKS)
        at = end + 1
        if not word.startswith(COMMENT):
            yield word


def write(variables: Mapping[str, str], size: int) -> bytes:
    """Return the copy that is in force, `size` bytes long.

    Raises:
        UsageError: it does not fit.
    """
    words = [f"{key}={value}\0" for key, value in variables.items()]
    text = "".join(words or "\0").encode(*TEXT) + b"\0"
    if len(text) > size - HEADER_BYTES:
        raise UsageError(f"an environment of {len(text)} bytes does not fit {size}")
    data = text.ljust(size - HEADER_BYTES, b"\xff")
    return zlib.crc32(data).to_bytes(4, "big") + IN_FORCE + data


def pending(block: bytes, slot: str, fallback: str) -> bytes:
    """Return `block` as the updater's commit would leave it: `slot` is tried, unconfirmed."""
    change = {"slot": slot, "fallback": fallback, "upgrade_available": "1", "bootcount": "0"}
    return write(read(block) | change, len(block))
