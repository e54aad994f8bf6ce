# SPDX-License-Identifier: MIT
"""The PROM's prompt: U-Boot, reached by keys that wait in the UART when it looks."""

import re
from typing import Any

import attr
from labgrid.driver.ubootdriver import UBootDriver
from labgrid.factory import target_factory
from labgrid.step import step
from labgrid.util import gen_marker, re_vt100

from rig.clock import Deadline, SystemClock
from rig.drivers.console import Waiter, fresh, text
from rig.errors import BoardError, PromMissedError

GONE = r"## Loading kernel|Starting kernel|login: "  # the PROM has handed over
INTERRUPT_S = 0.01  # U-Boot looks once, some 70 ms after its UART is set up


@target_factory.reg_driver
@attr.s(eq=False)
class PromDriver(UBootDriver):
    """labgrid's UBootDriver with a fresh buffer, one deadline, and proof against noise and loops.

    Args:
        login_timeout_s (float): how long it may take from power-on to the prompt
    """

    login_timeout_s = attr.ib(default=30.0, converter=float)

    @step()
    def _await_prompt(self) -> None:
        """Write interrupts until the prompt answers.

        Raises:
            BoardError: it does not in time.
            PromMissedError: the PROM did not see a key in time and has handed over.
        """
        clock = SystemClock()
        deadline = Deadline.after(clock, self.login_timeout_s)
        fresh(self.console)
        waiter = Waiter(self.console, deadline)
        prompt = re.escape(self.prompt)
        self.console.write(self.interrupt.encode())
        wanted = f"prompt {self.prompt!r}"
        # Without a countdown only a key that is already in the UART stops autoboot.
        if waiter.wait([prompt, GONE], wanted, poke=self.interrupt, poke_s=INTERRUPT_S):
            raise PromMissedError(1)
        # Other prompts may follow, one for each key: the marker tells which is the last.
        marker = gen_marker()
        self.console.sendline(f"echo '{marker[:4]}''{marker[4:]}'")
        waiter.wait([f"{marker}\\s+{prompt}"], "the answer to echo")
        self._status = 1

    def _run(self, cmd: str, *, timeout: float = 30.0, **_: object) -> Any:  # noqa: ANN401
        """Run `cmd`; return (lines, [], exit code).  Needs U-Boot's hush shell."""
        if self._status != 1:
            raise BoardError("the PROM's prompt is not known to be there")
        marker = gen_marker()
        hidden = f"'{marker[:4]}''{marker[4:]}'"
        self.console.sendline(f'echo {hidden}; {cmd}; echo "$?"; echo {hidden}')
        waiter = Waiter(self.console, Deadline.after(SystemClock(), timeout))
        ends = rf"{marker}\r?\n(?s:(.*?))(\d+)\r?\n{marker}\s+{re.escape(self.prompt)}"
        waiter.wait([ends], f"the end of {cmd!r}")
        match = self.console._expect.match  # noqa: SLF001 # labgrid offers no other way
        lines = re_vt100.sub("", text(match.group(1))).replace("\r", "").split("\n")
        return [line for line in lines if line], [], int(match.group(2))
