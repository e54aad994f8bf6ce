# SPDX-License-Identifier: MIT
"""The outputs of a supply, whatever dialect it speaks: the first feeds the board."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from rig.clock import SystemClock
from rig.virtual.board.power import Feed
from rig.virtual.instruments.scpi import ScpiError

SETTLE_S = 0.005  # time constant of the voltage that is read back
NOISE_V, NOISE_A = 2e-4, 1e-4  # standard deviations of one reading, well inside the accuracy


@dataclass(slots=True)
class _Output:
    volts: float = 0.0
    amperes: float = 1.0
    on: bool = False
    was_v: float = 0.0  # read back when the target last changed
    changed_s: float = -math.inf


@dataclass(slots=True)
class Outputs:
    """Programmed values and read-back; `most_v` and `most_a` are the limits of each channel.

    The read-back settles and is noisy, from a seed; the board's feed follows at once.
    """

    feed: Feed
    most_v: dict[int, float]
    most_a: dict[int, float]
    load_a: Callable[[], float] = lambda: 0.0  # what the board draws from the first
    seed: int = 1
    noise: bool = True
    now: Callable[[], float] = SystemClock().now
    _state: dict[int, _Output] = field(init=False)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 # noise, not a secret
        self._state = {channel: _Output() for channel in self.most_v}
        self._state[1].volts = self._state[1].was_v = self.feed.volts
        self._state[1].amperes = self.most_a[1]

    def reset(self) -> None:
        """Switch everything off and program nothing, as *RST does."""
        for channel in self._state:
            self.switch(channel, on=False)
            self.program(channel, volts=0.0)

    def is_on(self, channel: int) -> bool:
        if channel == 1:
            return self.feed.output and not self.feed.inhibited
        return self._state[channel].on

    def switch(self, channel: int, *, on: bool) -> None:
        if on and channel == 1 and self.feed.inhibited:
            raise ScpiError(-221, "output is inhibited; clear the protection first")
        self._mark(channel)
        if channel == 1:
            self.feed.switch(output=on)
        else:
            self._state[channel].on = on

    def program(
        self, channel: int, *, volts: float | None = None, amperes: float | None = None
    ) -> None:
        """Program one or both; -222 and nothing changed when a limit is passed."""
        if volts is not None and not 0 <= volts <= self.most_v[channel]:
            raise ScpiError(-222, str(volts))
        if amperes is not None and not 0 <= amperes <= self.most_a[channel]:
            raise ScpiError(-222, str(amperes))
        state = self._state[channel]
        if amperes is not None:
            state.amperes = amperes
        if volts is not None:
            self._mark(channel)
            state.volts = volts
            if channel == 1:
                self.feed.switch(volts=volts)

    def clear(self, channel: int) -> None:
        """Clear a latched inhibit; as the instruments do it, the output stays off."""
        if channel == 1:
            self.feed.switch(output=False if self.feed.inhibited else None, inhibited=False)

    def programmed(self, channel: int) -> tuple[float, float]:
        state = self._state[channel]
        return state.volts, state.amperes

    def volts(self, channel: int) -> float:
        return self._settled(channel) + self._noise(NOISE_V)

    def amperes(self, channel: int) -> float:
        return self.read(self.load_a() if channel == 1 and self.feed.powered else 0.0)

    def read(self, load_a: float) -> float:
        """Return a reading of a load; what draws nothing reads 0 and never below: its cut-off."""
        return max(0.0, load_a + self._noise(NOISE_A)) if load_a else 0.0

    def _settled(self, channel: int) -> float:
        state = self._state[channel]
        target_v = state.volts if self.is_on(channel) else 0.0
        left = math.exp(-(self.now() - state.changed_s) / SETTLE_S)
        return target_v + (state.was_v - target_v) * left

    def _mark(self, channel: int) -> None:
        state = self._state[channel]
        state.was_v, state.changed_s = self._settled(channel), self.now()

    def _noise(self, deviation: float) -> float:
        return self._random.gauss(0.0, deviation) if self.noise else 0.0
