# SPDX-License-Identifier: MIT
"""The wiring of the 5 V feed: outlet, supply output and the latching inhibit in series."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Feed:
    """The board is powered while the outlet and the output are on and nothing inhibits."""

    outlet: bool = False
    output: bool = True
    inhibited: bool = False
    volts: float = 5.0
    changed: Callable[[bool], None] = field(default=lambda _: None)
    noted: list[Callable[[bool], None]] = field(default_factory=list)  # whoever looks on

    @property
    def powered(self) -> bool:
        # Below 4.5 V the board's reset controller holds it in reset.
        return self.outlet and self.output and not self.inhibited and self.volts >= 4.5

    def switch(
        self,
        *,
        outlet: bool | None = None,
        output: bool | None = None,
        inhibited: bool | None = None,
        volts: float | None = None,
    ) -> None:
        """Change what is given; `changed` and `noted` hear when the board's power has changed."""
        before = self.powered
        self.outlet = self.outlet if outlet is None else outlet
        self.output = self.output if output is None else output
        self.inhibited = self.inhibited if inhibited is None else inhibited
        self.volts = self.volts if volts is None else volts
        if self.powered != before:
            for hear in (self.changed, *self.noted):
                hear(self.powered)
