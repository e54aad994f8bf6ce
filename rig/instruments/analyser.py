# SPDX-License-Identifier: MIT
"""Edges of the heartbeat in a logic analyser's samples, as labgrid's SigrokDriver hands them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rig.errors import InstrumentError

# Units in which sigrok-cli writes its time column; labgrid skips the line that names it.
UNITS_S = (1.0, 1e-3, 1e-6, 1e-9, 1e-12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Rising edges in seconds from the first sample, each `uncertainty_s` (95 %) wrong at most."""

    edges_s: NDArray[np.float64]
    duration_s: float
    uncertainty_s: float
    source: str


def edges(rows: Iterable[Mapping[str, str]], channel: str, rate_hz: float, source: str) -> Capture:
    """Return the rising edges of `channel` in rows of a column ``time`` and one a channel.

    The number of a row, not its time column, is the time: that is rounded to whole units.  An edge
    lies anywhere between two samples (rectangular, GUM 4.3.7).

    Raises:
        InstrumentError: the rows are no samples of `channel` at `rate_hz`.
    """
    levels, time = [], ""
    for row in rows:
        level = row.get(channel)
        if level not in {"0", "1"}:
            raise InstrumentError(source, command=f"capture of {channel}", reply=str(dict(row)))
        levels.append(level == "1")
        time = row.get("time", "")
    if not levels:
        raise InstrumentError(source, command=f"capture of {channel}", reply="no samples")
    _check_rate(time, len(levels), rate_hz, source)
    high = np.array(levels)
    rising = np.flatnonzero(~high[:-1] & high[1:]).astype(np.float64)
    return Capture(
        edges_s=(rising + 0.5) / rate_hz,
        duration_s=(len(levels) - 1) / rate_hz,
        uncertainty_s=2 * (1 / rate_hz) / math.sqrt(12),
        source=source,
    )


def _check_rate(time: str, samples: int, rate_hz: float, source: str) -> None:
    """Make sure that the device sampled as it was told: `time` is that of the last sample."""
    try:
        last = float(time)
    except ValueError:
        last = math.nan
    expected_s = samples / rate_hz  # sigrok counts the first sample as one interval
    if not any(
        abs(last * unit_s - expected_s) <= unit_s + 1e-9 * expected_s
        for unit_s in UNITS_S
        if unit_s < 2 * expected_s
    ):
        reply = f"last of {samples} samples at {time!r}, not at {expected_s} s"
        raise InstrumentError(source, command=f"samplerate={rate_hz:g}", reply=reply)
