# SPDX-License-Identifier: MIT
"""Brings a board to a state: unknown, off, prom or linux.

No `never_retry`: a board that did not come up once is looked at again, not given up.
"""

import enum
import logging
import re
from collections.abc import Callable
from typing import Any, assert_never

import attr
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol, PowerProtocol
from labgrid.step import step
from labgrid.strategy import Strategy

from rig.clock import SystemClock
from rig.drivers.console import drain
from rig.drivers.console_port import ConsolePort
from rig.drivers.power import checked
from rig.drivers.within import activate
from rig.errors import BoardError, PromMissedError, UsageError

log = logging.getLogger(__name__)

PROM_TRIES = 4
LAST_BYTES_S = 0.02  # what an off board said last is on its way for less


class Status(enum.Enum):
    """What is known of the board."""

    unknown = "unknown"
    off = "off"
    prom = "prom"
    linux = "linux"


@target_factory.reg_driver
@attr.s(eq=False)
class WalnutStrategy(Strategy):
    """Power, PROM and shell of one board.

    Args:
        boot_limit_s (float): how long a board may take from power-on to its login
    """

    bindings = {
        "power": PowerProtocol,
        "console": ConsoleProtocol,
        "prom": "PromDriver",
        "shell": "WalnutShellDriver",
    }
    boot_limit_s = attr.ib(default=90.0, converter=float)
    status = Status.unknown
    check_feed: Callable[[], None] | None = None  # asked before a silent board is blamed
    _cycled = False  # the power was cycled and nothing was asked since

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.power: Any = checked(self.power)

    @step(args=["status"])
    def transition(self, status: Any) -> None:  # noqa: ANN401 # labgrid gives text
        """Reach `status`, from whatever is true now.

        Raises:
            UsageError: there is no such state.
            BoardError: it was not reached; the state is then unknown.
            BenchError: likewise, and the bench is why, as when the board is not fed.
        """
        try:
            wanted = Status(status.value if isinstance(status, Status) else status)
        except ValueError as error:
            known = ", ".join(state.value for state in Status if state is not Status.unknown)
            raise UsageError(f"no board state {status!r}; known: {known}") from error
        if wanted is Status.unknown:
            raise UsageError("a board cannot be brought to 'unknown'; use lost()")
        activate(self.power, self.power.where)
        if wanted is not Status.off:  # a board with a dead console must go off, too
            activate(self.console, f"the console ({ConsolePort.of(self.console).where})")
        if self.status is wanted and self.power.get() is (wanted is not Status.off):
            return
        known_before, cycled = self.status, self._cycled
        self.lost()
        try:
            match wanted:
                case Status.off:
                    self.power.off()
                case Status.prom:
                    self._to_prom()
                case Status.linux:
                    self._to_linux(known_before, cycled=cycled)
                case _:
                    assert_never(wanted)
        except BoardError:
            if self.check_feed:
                self.check_feed()
            raise
        self.status = wanted

    def _to_prom(self) -> None:
        """Start the board until a key of ours is there when its PROM looks: it looks once."""
        for tried in range(1, PROM_TRIES + 1):
            self._cold()
            try:
                self.target.activate(self.prom)
            except PromMissedError:
                log.warning(
                    "the PROM did not see the rig's key (start %d of %d)", tried, PROM_TRIES
                )
            else:
                return
        raise PromMissedError(PROM_TRIES)

    def _cold(self) -> None:
        """Switch on from off: the one start that is the same every time."""
        if self.power.get() is not False:  # None: nobody knows
            self.power.off()
            SystemClock().sleep(self.power.off_s)
        self._on()

    def _on(self) -> None:
        """Switch on an off board; what the boot before said last is nothing that this one says."""
        drain(self.console, LAST_BYTES_S)
        self.power.on()

    def _to_linux(self, known_before: Status, *, cycled: bool) -> None:
        shell = self.shell
        shell.booting = True
        if known_before is Status.prom:
            self.console.sendline(self.prom.boot_command)
        elif (is_on := self.power.get()) is None:
            self._cold()  # nobody knows
        elif not is_on:
            self._on()
        elif not cycled:
            shell.booting = False  # on and unknown: it may be idle, and must be asked
        shell.prom_prompt = re.escape(self.prom.prompt)
        shell.prom_command = self.prom.boot_command
        shell.login_timeout_s = self.boot_limit_s
        self.target.activate(self.shell)

    def lost(self) -> None:
        """Forget what is known: the board has rebooted or lost its power behind our back."""
        for driver in (self.prom, self.shell):
            self.target.deactivate(driver)
        self.status = Status.unknown
        self._cycled = False

    @step()
    def cycle(self) -> None:
        """Cut the power for off_s and give it back; the board is then booting."""
        activate(self.power, self.power.where)
        activate(self.console, f"the console ({ConsolePort.of(self.console).where})")
        self.lost()
        self._cold()
        self._cycled = True

    @step()
    def start(self) -> None:
        """Give an off board its power; it is then booting, and nothing is waited for."""
        activate(self.power, self.power.where)
        activate(self.console, f"the console ({ConsolePort.of(self.console).where})")
        self.lost()
        self._on()
        self._cycled = True

    @property
    def boots(self) -> int:
        """How often the PROM started during the last login."""
        return int(self.shell.boots)
