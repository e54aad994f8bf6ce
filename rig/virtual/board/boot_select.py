# SPDX-License-Identifier: MIT
"""The board's boot-select logic: which PROM the processor is given, docs/reference/prom.md.

A few lines of write-protected logic that no update can reach: it looks at a trailer and a CRC.
"""

import struct
import zlib

ORDER = ("prom", "prom-fallback")
MAGIC = b"WALNPROM"
TRAILER = struct.Struct(">8sII44sI")  # magic, length and CRC-32 of the image, version, CRC-32


def image(partition: bytes, sector: int) -> bytes | None:
    """Return the image of the PROM in `partition`; None: it is not whole.

    The last sector is the trailer's: no image reaches into it.
    """
    trailer = partition[-TRAILER.size :]
    magic, length, image_crc, _, own_crc = TRAILER.unpack(trailer)
    if magic != MAGIC or zlib.crc32(trailer[:-4]) != own_crc:
        return None
    if not 0 < length <= len(partition) - sector:
        return None
    found = partition[:length]
    return found if zlib.crc32(found) == image_crc else None
