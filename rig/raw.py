# SPDX-License-Identifier: MIT
"""Raw times on disk, for whoever doubts a result."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def save(path: Path, **arrays: ArrayLike) -> None:
    """Write named arrays as NumPy's .npz, as they are.

    Not compressed: the last digits of time stamps are noise, so a million of them shrink by a
    quarter and cost ten times what it took to read them from the counter (`make bench`).
    """
    kept: dict[str, Any] = dict(arrays)  # numpy's own stub takes no dict of arrays
    np.savez(path, **kept)
