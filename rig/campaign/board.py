# SPDX-License-Identifier: MIT
"""The board as somebody's own test sees it: its power, its console, its shell, and its power cuts.

Docs: docs/how-to/write-your-own-test.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from rig.campaign.cutter import arm, recover
from rig.campaign.reset import reset_os
from rig.drivers.strategy import Status
from rig.errors import BenchError, CommandFailedError, UsageError
from rig.faults.plan import CutAtOperation
from rig.place.place import Place

RUN_LIMIT_S = 30.0
LAST_OPERATION_S = 0.2  # a cut that the body's end has set off may not be known yet

Check: TypeAlias = Callable[["Board"], object]


class PowerGoneError(BaseException):
    """The planned cut has come.

    No `Exception`: what a test of somebody's own catches to try again must not catch this.
    """


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and its exit code."""

    text: str
    code: int


class Board:
    """One board.  It is booted when a command is first run."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._checks: list[Check] = []
        self._plan: CutAtOperation | None = None  # from the first check that is registered
        self._is_armed = False

    def __repr__(self) -> str:
        return f"board of {self.place.name}"

    @property
    def power(self) -> Any:  # noqa: ANN401 # labgrid is untyped
        """Return the place's power driver (labgrid's PowerProtocol: on, off, cycle, get)."""
        return self.place.power

    @property
    def console(self) -> Any:  # noqa: ANN401
        """Return the place's console driver (labgrid's ConsoleProtocol: expect, sendline …)."""
        return self.place.console

    @property
    def shell(self) -> Any:  # noqa: ANN401
        """Return the place's shell driver, logged in."""
        if self.place.strategy.status is not Status.linux:
            self.boot()
        return self.place.shell

    def boot(self) -> None:
        """Bring the board to its login, whatever it does now, and wait for its service.

        Raises:
            BoardError: it does not come up in the place's `boot_limit_s`.
        """
        self._look()  # nothing here may feed a board that was cut: its flash is evidence
        self.place.boot()

    def reboot(self) -> None:
        """Have the running system restart itself, and log in again.

        Raises:
            BoardError: it does not come back.
        """
        self.boot()
        reset_os(self.place, lambda _: None)

    def off(self) -> None:
        """Switch the board off."""
        self.place.strategy.transition(Status.off)

    def run(self, command: str, *, limit_s: float = RUN_LIMIT_S) -> str:
        """Run a shell command; return what it printed, without the last line's end.

        Raises:
            CommandFailedError: its exit code is not 0.
            BoardError: it takes longer than `limit_s` seconds.
        """
        answer = self.ask(command, limit_s=limit_s)
        if answer.code:
            raise CommandFailedError(command, code=answer.code, said=answer.text)
        return answer.text

    def ask(self, command: str, *, limit_s: float = RUN_LIMIT_S) -> Answer:
        """Run a shell command; return what it printed and its exit code, whatever that is."""
        shell = self.shell
        shell.meanwhile = self._look
        try:
            lines, _, code = shell.run(command, timeout=limit_s)
        finally:
            shell.meanwhile = None
        self._look()
        return Answer("\n".join(lines), code)

    def after_cut(self, check: Check) -> None:
        """Have `check(board)` judge the board once it has come back from the cut.

        What comes before is preparation; from here on flash operations are counted, and the power
        goes at the planned one.  A failing assertion or command in `check` is the board's failure.
        """
        self._checks.append(check)
        if self._plan and not self._is_armed:
            self.place.need("interposer").reset_count()
            arm(self.place, self._plan)
            self._is_armed = True

    def _look(self) -> None:
        if self._is_armed and self.place.need("interposer").state() == "FIRED":
            raise PowerGoneError

    def _need_check(self) -> None:
        if not self._is_armed:
            raise UsageError(
                "a test with the mark power_cut calls board.after_cut(check): what comes after that"
                " is cut, and `check` judges the board"
            )

    @contextmanager
    def under_cut(self, plan: CutAtOperation) -> Iterator[None]:
        """Cut the power in the body, at the planned operation after it has registered a check.

        Raises:
            PowerGoneError: the cut has come.
            UsageError: no check was registered.
        """
        self.boot()
        self._checks.clear()
        self._plan = plan
        try:
            yield
            self._need_check()
            self.place.clock.sleep(LAST_OPERATION_S)
            self._look()
        except Exception:
            self._look()  # whatever a test stumbles over on a board without power
            raise
        finally:
            self._plan, self._is_armed = None, False

    def come_back(self, plan: CutAtOperation, on_cut: Callable[[], None]) -> int:
        """Give a cut board its power; return how often its PROM started until the login.

        Raises:
            BoardError: it does not come up.
            BenchError: it cannot, or a nested cut of the plan never came.
        """
        self.place.strategy.lost()
        on_cut()
        recovery = recover(self.place, plan, lambda _: None, on_cut)
        if recovery.missed:
            raise BenchError(recovery.missed)
        return recovery.boots

    def judge(self) -> None:
        """Run the checks that were registered, in order.

        Raises:
            AssertionError: one failed, or a command in it.
        """
        for check in self._checks:
            try:
                check(self)
            except CommandFailedError as error:
                raise AssertionError(str(error)) from error
