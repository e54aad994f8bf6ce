# SPDX-License-Identifier: MIT
"""Any of labgrid's power drivers is a power switch of the rig's, under a deadline."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attr
import pytest
from labgrid import Target
from labgrid.driver import Driver, ExternalPowerDriver
from labgrid.protocol import PowerProtocol
from labgrid.step import step, steps

from rig.drivers.power import checked
from rig.errors import BenchError

LIMIT_S = 0.3


@attr.s(eq=False)
class Switch(Driver, PowerProtocol):  # type: ignore[misc] # labgrid is untyped
    """A lab's own switch; `act` is told of each command."""

    delay: float = attr.ib(default=3.5)
    act: Callable[[bool], object]
    is_on = False
    lies = False

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.act = lambda _: None

    @step()  # type: ignore[untyped-decorator]
    def on(self) -> None:
        self.act(True)
        self.is_on = not self.lies

    @step()  # type: ignore[untyped-decorator]
    def off(self) -> None:
        self.act(False)
        self.is_on = self.lies

    def cycle(self) -> None:
        raise AssertionError("the rig waits by itself, so that it knows how long")

    def get(self) -> bool:
        return self.is_on


def switch_of(target: Target, name: str | None = None) -> Switch:
    kind: Any = Switch
    made: Switch = kind(target, name)
    return made


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target("main")
    yield target
    target.cleanup()


def opened(target: Target, switch: Any) -> Any:
    power = checked(switch)
    power.deadline_s = LIMIT_S
    target.activate(power)
    return power


def test_a_switch_is_read_back(target: Target) -> None:
    power = opened(target, switch := switch_of(target))
    power.on()

    assert (power.get(), power.off_s, power.source) == (True, 3.5, "Switch")
    assert checked(power) is power
    switch.lies = True
    with pytest.raises(BenchError, match=r"power switch \(Switch\) says it switched on, but"):
        power.on()


def test_a_switch_that_hangs_is_the_benchs_and_steps_stay_in_order(target: Target) -> None:
    power = opened(target, switch := switch_of(target))
    released = threading.Event()
    switch.act = lambda _: released.wait()
    began = len(steps._stack)

    with pytest.raises(BenchError, match=r"power switch \(Switch\) did not answer 'on' within 0.3"):
        power.on()
    assert len(steps._stack) == began
    released.set()
    for late in threading.enumerate():
        if late.name == power.where:
            late.join()
    switch.act = lambda _: None
    power.off()
    assert power.get() is False


def test_a_switch_that_cannot_be_asked_is_known_by_its_last_command(
    target: Target, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    ExternalPowerDriver(target, None, cmd_on=f"touch {seen}", cmd_off=f"rm {seen}")
    power = opened(target, target.get_driver("ExternalPowerDriver", activate=False))
    power.deadline_s = 20.0

    assert power.get() is None
    power.on()
    assert power.get() is True
    assert seen.exists()
    power.off()
    assert power.get() is False
    with pytest.raises(BenchError, match=r"failed to answer 'off'.*rm"):
        power.off()
    assert power.get() is None


def test_two_switches_are_told_apart_by_name(target: Target) -> None:
    switch_of(target, "bench")
    board = switch_of(target, "board")
    power = opened(target, board)
    power.on()

    assert (board.is_on, power.source) == (True, "Switch board")
    assert target.get_driver(PowerProtocol, activate=False) is power
