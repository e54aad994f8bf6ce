# SPDX-License-Identifier: MIT
"""What makes interruptions of known length on a place: an interrupter, or a generator.

docs/decisions/0106-gate-box.md
"""

import random
from dataclasses import replace
from typing import Protocol

from rig.clock import Clock
from rig.errors import UsageError
from rig.instruments.generator import Keysight33500B
from rig.measure.measurement import Measurement
from rig.outage.observers import HEARTBEAT_S
from rig.place.place import Place

BEATS = 2000  # pulses between two silences of the generator: time to look at the first
MARGIN_S = 0.2


class Reference(Protocol):
    """Something that takes signs of life away for a known time; `views` says whose."""

    @property
    def views(self) -> tuple[str, ...]: ...
    def identity(self) -> str: ...
    def prepare(self) -> None: ...
    def arm(self, length_s: float) -> None: ...
    def interrupt(self) -> None: ...
    def ended(self) -> bool: ...
    def truth(self, view: str) -> Measurement: ...
    def stop(self) -> None: ...


class GeneratorReference:
    """A generator that is wired to the counter in the board's place.

    It knows the time between two pulses, G.  A service that stops and comes back is silent for
    less: it stopped some part of a period after its last pulse.  That part is drawn from the seed,
    so T = G - part is known, and the counter's own formula is what is tried.
    """

    views = ("counter",)

    def __init__(self, generator: Keysight33500B, clock: Clock, seed: int) -> None:
        self._generator = generator
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 # no secret
        self._part_s = 0.0
        self._truth: Measurement | None = None
        self._over_s = 0.0

    def identity(self) -> str:
        return self._generator.identity()

    def prepare(self) -> None:
        """Start a heartbeat without silences, for the floor."""
        self._generator.interrupt_after(1.0, beats=BEATS, period_s=HEARTBEAT_S)
        self._generator.steady()

    def arm(self, length_s: float) -> None:
        """Start the bursts: the silence comes after BEATS pulses, by the generator's own timer."""
        self._part_s = self._random.uniform(0.0, HEARTBEAT_S)
        set_to = self._generator.interrupt_after(
            length_s + self._part_s, beats=BEATS, period_s=HEARTBEAT_S
        )
        self._truth = replace(set_to.gap, value=set_to.gap.value - self._part_s)
        self._over_s = self._clock.now() + set_to.repeat_s + MARGIN_S

    def interrupt(self) -> None:
        """Do nothing: the silence comes by itself."""

    def ended(self) -> bool:
        return self._clock.now() >= self._over_s

    def truth(self, view: str) -> Measurement:
        if view not in self.views or self._truth is None:
            raise UsageError(f"a generator knows no truth of {view!r}")
        self._generator.check()
        return self._truth

    def stop(self) -> None:
        self._generator.stop()


def of_place(place: Place, seed: int) -> Reference:
    """Return the place's reference.

    Raises:
        UsageError: it has none.
    """
    if place.interrupter is not None:
        interrupter: Reference = place.interrupter
        return interrupter
    if place.generator is not None:
        return GeneratorReference(place.generator, place.clock, seed)
    raise UsageError(
        f"{place.path} has neither interrupter nor generator: nothing there makes interruptions of"
        " known length (docs/reference/interrupter.md)"
    )
