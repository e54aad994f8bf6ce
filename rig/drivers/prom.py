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
from rig.errors import BoardError, PromMissedError, UsageError

GONE = r"## Loading kernel|Starting kernel|login: "  # the PROM has handed over
INTERRUPT_S = 0.01  # U-Boot looks once, some 70 ms after its UART is set up
ANSWER_S = 2.0  # to `echo`, at 9600 baud, with prompts for many keys before it


@target_factory.reg_driver
@attr.s(eq=False)
class PromDriver(UBootDriver):
    """labgrid's UBootDriver with a fresh buffer, one deadline, and proof against noise and loops.

    Args:
        login_timeout_s (float): how long it may take from power-on to the prompt
        autoboot (str): what the PROM says when it looks for a key; none is typed before that
    """

    unused = {
        "login_timeout": "write login_timeout_s",
        "boot_timeout": "write boot_limit_s of WalnutStrategy",
        "bootstring": "the rig waits for the login",
        "boot_commands": "write boot_command",
        "boot_expression": "labgrid ignores it, too",
        "strip_timestamp": "the rig cannot read a PROM that stamps its lines",
    }
    login_timeout_s = attr.ib(default=30.0, converter=float)
    autoboot = attr.ib(default="", validator=attr.validators.instance_of(str))

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
        if self.autoboot:
            asked = [self.autoboot, prompt, GONE]
            if waiter.wait(asked, f"{self.autoboot!r} of the place file") == 2:
                raise PromMissedError(1)
        marker = gen_marker()
        taken = rf"{marker}\s+{prompt}"
        self.console.write(self.interrupt.encode())
        while True:
            wanted = f"prompt {self.prompt!r}"
            # Without a countdown only a key that is already in the UART stops autoboot.
            seen = [prompt, GONE, self.password_prompt]
            found = waiter.wait(seen, wanted, poke=self.interrupt, poke_s=INTERRUPT_S)
            if found == 1:
                raise PromMissedError(1)
            if found == 2:
                self._unlock()
                continue
            # Other prompts may follow, one for each key: the marker tells which is the last.  A
            # countdown takes the first letter of what is typed into it, so this is asked again.
            self.console.sendline(f"echo '{marker[:4]}''{marker[4:]}'")
            if (answer := waiter.look([taken, GONE], ANSWER_S)) == 0:
                break
            if answer == 1:
                raise PromMissedError(1)
        self._status = 1
        self._init()

    def _unlock(self) -> None:
        if not self.password:
            raise UsageError(
                "the PROM asks for a password: targets.main.drivers.PromDriver.password is missing"
            )
        self.console.sendline(self.password)

    def _init(self) -> None:
        """Run what the place file wants to be run first.

        Raises:
            UsageError: a command of it fails.
        """
        for command in self.init_commands:
            lines, _, code = self._run(command)
            if code:
                self._status = 0
                raise UsageError(
                    f"targets.main.drivers.PromDriver.init_commands: {command!r} ended with"
                    f" {code}: {' '.join(lines)[-200:]}"
                )

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
