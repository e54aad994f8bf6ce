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
from rig.drivers.console import Waiter, fresh
from rig.errors import BoardError, PromMissedError

GONE = r"## Loading kernel|Starting kernel|login: "  # the PROM has handed over
INTERRUPT_S = 0.01  # U-Boot looks once, some 70 ms after its UART is set up
ANSWER_S = 2.0  # to `echo`, at 9600 baud, with prompts for many keys before it


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
        """Write interrupts until the prompt is there and takes a command.

        Raises:
            BoardError: it does not in time.
            PromMissedError: the PROM did not see a key in time and has handed over.
        """
        deadline = Deadline.after(SystemClock(), self.login_timeout_s)
        fresh(self.console)
        waiter = Waiter(self.console, deadline)
        prompt = re.escape(self.prompt)
        marker = gen_marker()
        taken = rf"{marker}\s+{prompt}"
        self.console.write(self.interrupt.encode())
        while True:
            wanted = f"prompt {self.prompt!r}"
            # Without a countdown only a key that is already in the UART stops autoboot.
            if waiter.wait([prompt, GONE], wanted, poke=self.interrupt, poke_s=INTERRUPT_S):
                raise PromMissedError(1)
            # Other prompts may follow, one for each key: the marker tells which is the last.  A
            # countdown takes the first letter of what is typed into it, so this is asked again.
            self.console.sendline(f"echo '{marker[:4]}''{marker[4:]}'")
            if (found := waiter.look([taken, GONE], ANSWER_S)) == 0:
                break
            if found == 1:
                raise PromMissedError(1)
        self._status = 1

    def _run(self, cmd: str, *, timeout: float = 30.0, **_: object) -> Any:  # noqa: ANN401
        """Run `cmd`; return (lines, [], exit code).  Needs U-Boot's hush shell."""
        if self._status != 1:
            raise BoardError("the PROM's prompt is not known to be there")
        marker = gen_marker()
        hidden = f"'{marker[:4]}''{marker[4:]}'"
        self.console.sendline(f'echo {hidden}; {cmd}; echo "$?"; echo {hidden}')
        answer = Waiter(self.console, Deadline.after(SystemClock(), timeout), is_answer=True)
        ends = rf"{marker}\r?\n(?s:(.*?))(\d+)\r?\n{marker}\s+{re.escape(self.prompt)}"
        answer.wait([ends], f"the end of {cmd!r}")
        said, code = answer.groups()
        lines = re_vt100.sub("", said).replace("\r", "").split("\n")
        return [line for line in lines if line], [], int(code)
