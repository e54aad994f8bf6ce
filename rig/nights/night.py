# SPDX-License-Identifier: MIT
"""A night: one run's trials by figure, how they ended, and what is known of the bench."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rig.measure.statistics import median, worst

FIRST_S = 1_767_225_600.0  # 2026-01-01: no rig ran before; a computer's clock may start in 1970
AHEAD_S = 3600.0  # so much may the clocks of a lab's computers differ


@dataclass(frozen=True, slots=True, order=True)
class FigureKey:
    """One figure of one type of step."""

    step: str
    metric: str

    def __str__(self) -> str:
        return f"{self.metric} of {self.step}"


@dataclass(frozen=True)
class Sample:
    """A night's trials of one figure in seconds; `uncertainty` is theirs at 95 %, 0: not stated.

    `calibrations` are the verifications that the values stand on, empty text: none.
    """

    values: NDArray[np.float64]
    uncertainty: float = 0.0
    calibrations: frozenset[str] = frozenset()

    @cached_property
    def median(self) -> float:
        return median(self.values.tolist())

    @cached_property
    def worst(self) -> float:
        return worst(self.values.tolist())

    @property
    def verified(self) -> bool:
        """Tell whether every value stands on a verification that holds."""
        return bool(self.calibrations) and all(self.calibrations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One run: its trials, and what is known of the bench that night."""

    label: str
    run: str = ""
    place: str = ""
    exercise: str = ""  # what was run: nights of one exercise try the same
    started_at_s: float = 0.0
    doubt: str = ""  # why nobody knows when it was
    samples: Mapping[FigureKey, Sample]
    instruments: Mapping[str, str] = field(default_factory=dict)
    bench: Mapping[str, float] = field(default_factory=dict)  # floors and biases; larger is worse
    trials: int = 0
    failed: int = 0  # trials after which the board was not as it must be
    on_bench: int = 0  # trials that the bench spoiled (outcome bench)

    @property
    def left_out(self) -> int:
        """Return how many trials ended badly: they have no time."""
        return self.failed + self.on_bench


def doubt(began_s: float, ended_s: float | None, *, now_s: float) -> str:
    """Say why a run cannot be of the date that it bears; empty: it can."""
    if began_s > now_s + AHEAD_S:
        return "it began in the future"
    if began_s < FIRST_S:
        return "there was no rig yet"
    if ended_s is not None and ended_s < began_s - AHEAD_S:
        return "it ended before it began"
    return ""
