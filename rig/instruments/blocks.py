# SPDX-License-Identifier: MIT
"""Blocks of numbers, as instruments send arrays."""

import numpy as np
from numpy.typing import NDArray

from rig.errors import InstrumentError
from rig.instruments.link import ScpiLink


def read_block(link: ScpiLink, command: str, dtype: str) -> NDArray[np.float64]:
    """Ask for a definite-length block of numbers, `dtype` as numpy writes it (``>f8``).

    Raises:
        InstrumentError: the block does not hold a whole number of them.
    """
    block = link.query_block(command)
    if len(block) % np.dtype(dtype).itemsize:
        raise InstrumentError(link.name, command=command, reply=f"{len(block)} bytes")
    return np.frombuffer(block, dtype=dtype).astype(np.float64)
