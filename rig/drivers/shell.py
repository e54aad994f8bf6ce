# SPDX-License-Identifier: MIT
"""Linux on the console: log in, run commands, bear kernel messages and noise."""

from typing import Any

import attr
from labgrid.driver.shelldriver import ShellDriver
from labgrid.factory import target_factory
from labgrid.step import step
from labgrid.util import gen_marker, re_vt100

from rig.clock import Deadline, SystemClock
from rig.drivers.console import Waiter, fresh, text

IDLE_POKE_S = 0.5
BOOTING_POKE_S = 20.0


@target_factory.reg_driver
@attr.s(eq=False)
class WalnutShellDriver(ShellDriver):
    """labgrid's ShellDriver with one deadline for all of logging in.

    Args:
        login_timeout_s (float): how long it may take from power-on to the prompt
    """

    login_timeout_s = attr.ib(default=60.0, converter=float)
    boots = 0  # how often the PROM started while we waited for the login
    # A key at the wrong moment stops U-Boot's autoboot.  So the strategy says whether the board is
    # known to be booting (it will say `login:` itself), and what to do if it stands in the PROM.
    booting = False
    prom_prompt = ""
    prom_command = ""

    def on_activate(self) -> None:
        if self._status == 0:
            self._await_login()

    @step()
    def _await_login(self) -> None:
        """Log in from wherever the board is; BoardError when it does not come up in time."""
        deadline = Deadline.after(SystemClock(), self.login_timeout_s)
        fresh(self.console)
        waiter = Waiter(self.console, deadline)
        patterns = [self.login_prompt, self.prompt]
        if self.prom_prompt:
            patterns.append(self.prom_prompt)
        poke_s = BOOTING_POKE_S if self.booting else IDLE_POKE_S
        try:
            while True:
                found = waiter.wait(
                    patterns, "login prompt or shell prompt", poke="\n", poke_s=poke_s
                )
                if found == 2:
                    self.console.sendline(self.prom_command)
                    poke_s = BOOTING_POKE_S
                    continue
                if found == 1 and self.booting:
                    continue  # from before the power went: its last bytes were still on their way
                if found == 0:
                    self.console.sendline(self.username)
                    waiter.wait([self.prompt], "shell prompt after the login")
                if self._answers():
                    break
        finally:
            self.boots = waiter.boots
        self._status = 1

    def _answers(self) -> bool:
        """Tell whether a shell is there: a prompt alone may be an old one."""
        lines, _, code = self._run("echo here", timeout=10.0)
        return bool(code == 0 and lines[-1:] == ["here"])

    def _run(self, cmd: str, *, timeout: float = 30.0, **_: object) -> Any:  # noqa: ANN401
        """Run `cmd`; return (lines, [], exit code)."""
        marker = gen_marker()
        hidden = f"'{marker[:4]}''{marker[4:]}'"
        self.console.sendline(f"echo {hidden}; {cmd}; echo {hidden} $?")
        waiter = Waiter(self.console, Deadline.after(SystemClock(), timeout))
        ends = rf"{marker}\r?\n(?s:(.*?)){marker} (\d+)\s+{self.prompt}"
        waiter.wait([ends], f"the end of {cmd!r}")
        match = self.console._expect.match  # noqa: SLF001 # labgrid offers no other way
        lines = re_vt100.sub("", text(match.group(1))).replace("\r", "").split("\n")
        while lines and not lines[-1]:
            lines.pop()
        return lines, [], int(match.group(2))
