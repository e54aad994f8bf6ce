# SPDX-License-Identifier: MIT
"""Why a silent board is not fed, of places with and without supply and interposer."""

from typing import Any

import pytest

from rig.drivers.strategy import Status
from rig.errors import BenchError, InstrumentError
from rig.instruments.rail import Fall
from rig.measure.measurement import Measurement
from rig.outage.current import CURRENT_MIN_A
from rig.place.power_path import PowerPath

FALL = Fall(
    above_s=1.0,
    below_s=1.1,
    voltage=Measurement(
        name="x", value=0.1, unit="V", uncertainty=0.01, source="y", taken_at_s=1.1
    ),
)


class Outlet:
    def __init__(self, *, on: bool = True) -> None:
        self.on = on

    def get(self) -> bool:
        return self.on

    def off(self) -> None:
        self.on = False


class Supply:
    """Feeds the board with `current_a` as long as it is on; `restarted` says so when asked."""

    def __init__(
        self,
        *,
        on: bool = True,
        tripped: bool = False,
        current_a: float = 0.4,
        restarted: bool = False,
    ) -> None:
        self.on = on
        self.trip = tripped
        self._current_a = current_a
        self._restarted = restarted

    def current(self) -> Measurement:
        if self._restarted:
            raise InstrumentError("supply", command="*ESR?", reply="restarted")
        value = self._current_a if self.on and not self.trip else 0.0
        return Measurement(
            name="x", value=value, unit="A", uncertainty=0.001, source="y", taken_at_s=1.0
        )

    def is_on(self) -> bool:
        return self.on

    def output(self, on: bool) -> None:
        assert not self.trip, "a latched protection has to be cleared first"
        self.on = on

    def tripped(self) -> bool:
        return self.trip

    def clear_protection(self) -> None:
        self.trip = False

    def cut(self) -> Fall:
        self.on = False
        return FALL


class Interposer:
    def __init__(self, state: str = "ARMED") -> None:
        self._state = state

    def state(self) -> str:
        return self._state

    def disarm(self) -> None:
        self._state = "IDLE"


class Strategy:
    def __init__(self, status: Status) -> None:
        self.status = status


def path(
    *,
    outlet: Outlet | None = None,
    supply: Supply | None = None,
    interposer: Interposer | None = None,
    status: Status = Status.linux,
) -> PowerPath:
    feeds: Any = supply
    return PowerPath(outlet or Outlet(), feeds, interposer, Strategy(status))


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ({"outlet": Outlet(on=False)}, "its outlet is off"),
        ({"outlet": Outlet(on=False), "supply": Supply(current_a=0.0)}, "its outlet is off"),
        ({"supply": Supply(on=False)}, "the output of its supply is off"),
        ({"supply": Supply(tripped=True)}, "a protection of its supply holds the output off"),
        ({"supply": Supply(current_a=CURRENT_MIN_A / 2)}, "draws 0.025 A though"),
        ({"supply": Supply(on=False, restarted=True)}, "restarted"),
        ({"outlet": Outlet(on=False), "interposer": Interposer("ARMED")}, "its outlet is off"),
    ],
)
def test_a_board_that_is_not_fed_is_the_benchs_failure_and_says_where(
    feeds: dict[str, Any], said: str
) -> None:
    with pytest.raises(BenchError, match=said):
        path(**feeds).check()


@pytest.mark.parametrize(
    "feeds",
    [
        {},
        {"supply": Supply()},
        {"supply": Supply(current_a=CURRENT_MIN_A), "interposer": Interposer()},
    ],
)
def test_a_silent_board_that_is_fed_is_silent_by_itself(feeds: dict[str, Any]) -> None:
    path(**feeds).check()


@pytest.mark.parametrize(
    "why", [{"status": Status.off}, {"interposer": Interposer("FIRED")}], ids=["off", "cut"]
)
@pytest.mark.parametrize(
    "feeds",
    [
        {"outlet": Outlet(on=False)},
        {"supply": Supply(on=False)},
        {"supply": Supply(tripped=True)},
    ],
    ids=["outlet", "output", "tripped"],
)
def test_power_that_the_rig_took_is_nobodys_failure(
    why: dict[str, Any], feeds: dict[str, Any]
) -> None:
    path(**why, **feeds).check()


def test_a_supply_that_restarted_is_named_though_the_rig_had_taken_the_power() -> None:
    with pytest.raises(InstrumentError, match="restarted"):
        path(supply=Supply(restarted=True), status=Status.off).check()


def test_a_board_is_fed_again_whatever_held_its_power() -> None:
    supply, interposer = Supply(on=False, tripped=True), Interposer("FIRED")
    path(supply=supply, interposer=interposer).feed()
    assert (supply.on, supply.trip, interposer.state()) == (True, False, "IDLE")


def test_a_supply_that_the_rig_has_cut_is_given_back_on_and_another_one_as_it_was() -> None:
    supply, untouched = Supply(), Supply(on=False)
    cut = path(supply=supply)
    cut.cut()
    cut.give_back()
    path(supply=untouched).give_back()
    assert (supply.on, untouched.on) == (True, False)


def test_a_supply_that_fails_in_the_end_does_not_hide_what_was_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Supply):
        def tripped(self) -> bool:
            raise InstrumentError("supply", command="STAT:QUES:COND?", reply="nothing")

    cut = path(supply=Broken())
    cut.cut()
    cut.give_back()
    assert "the supply was not given back" in caplog.text


def test_a_cut_is_the_supplys_and_without_one_the_outlets() -> None:
    outlet, supply = Outlet(), Supply()
    assert path(outlet=outlet, supply=supply).cut() is FALL
    assert (outlet.on, supply.on) == (True, False)
    assert path(outlet=outlet).cut() is None
    assert not outlet.on
