# SPDX-License-Identifier: MIT
"""A power switch that is read back, where it can be, and cannot hang the rig.

labgrid's power backends call `requests` without a timeout and believe what they are told.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

import attr
from labgrid.driver import Driver
from labgrid.driver.powerdriver import NetworkPowerDriver
from labgrid.factory import target_factory
from labgrid.protocol import PowerProtocol
from labgrid.step import step, steps

from rig.clock import Deadline, SystemClock
from rig.drivers.heard import Answers, on_or_off
from rig.drivers.no_proxy import directly
from rig.drivers.within import within
from rig.errors import BenchError

log = logging.getLogger(__name__)

POLL_S = 0.1  # at first, and twice as long each time:
POLL_S_MAX = 1.0  # a small box has few connections, and needs a while for each
AGAIN_S = 0.5  # after a refusal: a plug that hung up answers again by then
DEADLINE_S = 10.0
OFF_S = 2.0


class Checked:
    """What both drivers below do: every command under a deadline, and read back."""

    deadline_s: float
    off_s: float
    before: Callable[[bool], object] | None = None  # called before each command; may refuse it
    answers: Answers | None = None  # where they can be heard

    @property
    def where(self) -> str:
        """Say in words which switch this is."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        """Say what a record calls it."""
        raise NotImplementedError

    def _read(self) -> bool | None:
        """Ask the switch; None: it cannot be asked."""
        raise NotImplementedError

    def _switch(self, *, on: bool) -> None:
        raise NotImplementedError

    @property
    def reads_back(self) -> bool:
        """Tell whether it can be asked, so that a command may be given twice."""
        return True

    def _ask(self, what: str, act: Callable[[], Any], *, again: bool = True) -> Any:  # noqa: ANN401
        """Call labgrid, and `again` when it fails: to set or to read twice is as good as once.

        Raises:
            BenchError: it hangs, or fails until the deadline; says what it said first.
        """
        # A call that hangs has begun steps that it will not end, and labgrid checks their order.
        depth = len(steps._stack)  # noqa: SLF001 # labgrid offers no other way

        def forget(_: threading.Thread) -> None:
            del steps._stack[depth:]  # noqa: SLF001

        deadline = Deadline.after(SystemClock(), self.deadline_s)
        left_s = self.deadline_s
        first: BenchError | None = None
        while True:
            try:
                return within(left_s, self.where, what, act, on_late=forget)
            except BenchError as error:
                first = first or error
                if not again or deadline.left_s <= AGAIN_S:
                    raise first from None
                log.warning("%s; asked again", error)
                SystemClock().sleep(AGAIN_S)
                left_s = round(deadline.left_s, 1) or AGAIN_S

    def _get(self) -> bool | None:
        answer: bool | None = self._ask("answer a question", self._read)
        return answer

    def _set(self, on: bool) -> None:
        if self.before:
            self.before(on)
        clock = SystemClock()
        deadline = Deadline.after(clock, self.deadline_s)
        word = "on" if on else "off"
        self._ask(f"answer '{word}'", lambda: self._switch(on=on), again=self.reads_back)
        told_again = False
        pause_s = POLL_S
        while self._get() not in {on, None}:
            if not told_again and deadline.left_s < self.deadline_s / 2:
                # Once only: with some PDUs each command starts their delay anew.
                told_again = True
                self._ask(f"answer '{word}'", lambda: self._switch(on=on))
            if deadline.passed:
                answer = self.answers.to_command if self.answers else ""
                raise BenchError(
                    f"{self.where} says it switched {word}, but {self.deadline_s:.1f} s later"
                    " reads back the opposite" + (f"; it answered {answer!r}" if answer else "")
                )
            clock.sleep(pause_s)
            pause_s = min(2 * pause_s, POLL_S_MAX)

    @Driver.check_active
    @step()
    def on(self) -> None:
        self._set(on=True)

    @Driver.check_active
    @step()
    def off(self) -> None:
        self._set(on=False)

    @Driver.check_active
    @step()
    def cycle(self) -> None:
        self._set(on=False)
        SystemClock().sleep(self.off_s)
        self._set(on=True)

    @Driver.check_active
    def get(self) -> bool | None:
        """Return whether it is on; None: nobody knows."""
        return self._get()


@target_factory.reg_driver
@attr.s(eq=False)
class CheckedPowerDriver(Checked, NetworkPowerDriver):
    """Any of labgrid's network power backends, under a deadline and read back.

    Args:
        deadline_s (float): how long the PDU may take to do and confirm a command
        off_s (float): how long the power stays off in a cycle
    """

    priorities = {PowerProtocol: 10}
    unused = {"delay": "write off_s"}
    deadline_s = attr.ib(default=DEADLINE_S, converter=float)
    off_s = attr.ib(default=OFF_S, converter=float)

    answers: Answers

    def on_activate(self) -> None:
        directly(self.port.host)
        self.answers = Answers(self)
        super().on_activate()

    @property
    def where(self) -> str:
        return f"the PDU ({self.port.model} at {self.port.host}, outlet {self.port.index})"

    @property
    def source(self) -> str:
        return f"PDU {self.port.model}, outlet {self.port.index}"

    def _read(self) -> bool:
        where = (self._host, self._port, self.port.index)
        return self.answers.read(lambda: self.backend.power_get(*where))

    def _switch(self, *, on: bool) -> None:
        where = (self._host, self._port, self.port.index)
        self.answers.switch(lambda: self.backend.power_set(*where, on))


@target_factory.reg_driver
@attr.s(eq=False)
class DeadlinePowerDriver(Checked, Driver, PowerProtocol):
    """Any other power driver of labgrid's, under a deadline, and read back where it can be asked.

    Args:
        deadline_s (float): how long the driver may take to do and confirm a command
        off_s (float): how long the power stays off in a cycle
    """

    bindings = {"power": PowerProtocol}
    priorities = {PowerProtocol: 10}
    deadline_s = attr.ib(default=DEADLINE_S, converter=float)
    off_s = attr.ib(default=OFF_S, converter=float)
    _commanded: bool | None = None  # what a driver that cannot be asked was told last

    def on_activate(self) -> None:
        if isinstance(self.power, NetworkPowerDriver):
            self.answers = Answers(self.power)

    @property
    def where(self) -> str:
        return f"the power switch ({self.source})"

    @property
    def source(self) -> str:
        kind = type(self.power).__name__
        return f"{kind} {self.power.name}" if self.power.name else kind

    @property
    def reads_back(self) -> bool:
        return getattr(self.power, "get", None) is not None

    def _read(self) -> bool | None:
        ask = getattr(self.power, "get", None)
        if ask is None:  # ExternalPowerDriver
            return self._commanded
        if self.answers:
            return self.answers.read(ask)
        try:
            answer = ask()
        except NotImplementedError:  # PDUDaemonDriver
            return self._commanded
        return self._commanded if answer is None else on_or_off(answer)

    def _switch(self, *, on: bool) -> None:
        self._commanded = None
        act = self.power.on if on else self.power.off
        if self.answers:
            self.answers.switch(act)
        else:
            act()
        self._commanded = on


def checked(power: Any) -> Any:  # noqa: ANN401 # any of labgrid's power drivers
    """Return a power driver that cannot hang the rig: this one, or one of ours around it."""
    if isinstance(power, Checked):
        return power
    delay_s = getattr(power, "delay", OFF_S)
    power.target.set_binding_map({"power": power.name})
    kind: Any = DeadlinePowerDriver  # its `target` and `name` are labgrid's, which is untyped
    return kind(power.target, None, off_s=delay_s)
