# SPDX-License-Identifier: MIT
"""What the instruments saw of one step, from its raw data: where there was silence, what flowed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rig.measure.criteria import event_s
from rig.outage.gaps import Spans

ARRAYS = ("sequence", "sent_s", "good", "heartbeat_s")
CURRENT = ("current_s", "current_a")  # not of an older rig, empty without a supply
SILENT_S = event_s(1e-3)  # between two beats


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """When each instrument watched, and when it saw nothing; empty spans: it did not watch."""

    traffic: Spans
    lost: Spans
    late: Spans
    beats: Spans
    silent: Spans
    current: tuple[tuple[float, float], ...] = ()  # when, and A


def sight(folder: Path, step: dict[str, Any]) -> Sight | None:
    """Read a step's raw times; None unless all are there, as they were recorded."""
    raw = step["raw"]
    if not raw or raw["state"] != "as recorded":
        return None
    with np.load(folder / raw["file"]) as arrays:
        if not set(ARRAYS) <= set(arrays.files):
            return None
        sequence, sent_s, good, beats_s = (arrays[name] for name in ARRAYS)
        current = [arrays[name].tolist() for name in CURRENT if name in arrays.files]
    order = np.argsort(sequence)
    sequence, sent_s, good = sequence[order], sent_s[order], good[order]
    missing = np.flatnonzero(np.diff(sequence) > 1)
    return Sight(
        traffic=_ends(sent_s),
        lost=tuple((float(sent_s[at]), float(sent_s[at + 1])) for at in missing),
        late=_runs(sent_s, ~good),
        beats=_ends(beats_s),
        silent=silences(beats_s, SILENT_S),
        current=tuple(zip(*current, strict=True)),
    )


def silences(times_s: NDArray[np.float64], longer_than_s: float) -> Spans:
    """Return every span between two times that is longer."""
    ends = np.flatnonzero(np.diff(times_s) > longer_than_s)
    return tuple((float(times_s[at]), float(times_s[at + 1])) for at in ends)


def _ends(times_s: NDArray[np.float64]) -> Spans:
    return ((float(times_s[0]), float(times_s[-1])),) if times_s.size else ()


def _runs(times_s: NDArray[np.float64], chosen: NDArray[np.bool_]) -> Spans:
    """Return the spans of neighbours that are chosen."""
    edges = np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return tuple(
        (float(times_s[start]), float(times_s[end]))
        for start, end in zip(starts, ends, strict=True)
    )
