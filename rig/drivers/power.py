# SPDX-License-Identifier: MIT
"""A PDU outlet that is read back and cannot hang the rig.

labgrid's power backends call `requests` without a timeout and believe what they are told.
"""

from collections.abc import Callable
from typing import Any

import attr
from labgrid.driver.powerdriver import NetworkPowerDriver
from labgrid.factory import target_factory
from labgrid.step import step

from rig.clock import Deadline, SystemClock
from rig.drivers.within import within
from rig.errors import BenchError

POLL_S = 0.1


@target_factory.reg_driver
@attr.s(eq=False)
class CheckedPowerDriver(NetworkPowerDriver):
    """Any of labgrid's network power backends, under a deadline and read back.

    Args:
        deadline_s (float): how long the PDU may take to do and confirm a command
        off_s (float): how long the power stays off in a cycle
    """

    deadline_s = attr.ib(default=10.0, converter=float)
    off_s = attr.ib(default=2.0, converter=float)

    def _ask(self, what: str, act: Callable[..., Any], *values: object) -> Any:  # noqa: ANN401
        """Call the backend; BenchError when it hangs or fails."""
        who = f"the PDU ({self.port.model} at {self.port.host}, outlet {self.port.index})"
        return within(self.deadline_s, who, what, lambda: act(*values))

    def _get(self) -> bool:
        values = (self._host, self._port, self.port.index)
        return bool(self._ask("answer a question", self.backend.power_get, *values))

    def _set(self, on: bool) -> None:
        clock = SystemClock()
        deadline = Deadline.after(clock, self.deadline_s)
        word = "on" if on else "off"
        values = (self._host, self._port, self.port.index, on)
        self._ask(f"answer '{word}'", self.backend.power_set, *values)
        while self._get() is not on:
            if deadline.passed:
                raise BenchError(
                    f"the PDU at {self.port.host} says it switched outlet {self.port.index} {word},"
                    f" but {self.deadline_s:.1f} s later reads back the opposite"
                )
            clock.sleep(POLL_S)

    @NetworkPowerDriver.check_active
    @step()
    def on(self) -> None:
        self._set(on=True)

    @NetworkPowerDriver.check_active
    @step()
    def off(self) -> None:
        self._set(on=False)

    @NetworkPowerDriver.check_active
    @step()
    def cycle(self) -> None:
        self._set(on=False)
        SystemClock().sleep(self.off_s)
        self._set(on=True)

    @NetworkPowerDriver.check_active
    def get(self) -> bool:
        return self._get()
