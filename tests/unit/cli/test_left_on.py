# SPDX-License-Identifier: MIT
"""A run ends with the board off, or its exit code and its last line say that it is on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig.cli import main
from rig.drivers.strategy import Status
from rig.errors import BENCH, GOOD, INTERRUPTED, PRODUCT, BenchError, BoardOnError, InstrumentError
from rig.faults.outcome import Outcome
from rig.place.power_path import PowerPath
from rig.records.run import Results
from tests.unit.helpers.pytest_run import cycle, run_instead
from tests.unit.helpers.recorded import floors, recorded_night, step

LEAVES = """
import pytest
from rig.errors import BenchError, BoardOnError

@pytest.fixture(scope="session")
def place():
    yield
    {end}

def test_it(place):
    {test}
"""
ON = 'raise BoardOnError("the PDU is mute")'
OFF_BY_SUPPLY = 'raise BenchError("the PDU is mute; the board is off all the same")'
LAST = "the board is STILL ON: switch it off by hand; the PDU is mute"


class Outlet:
    """Fails `failures` times, then does as it is told."""

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.on = True

    def get(self) -> bool:
        return self.on

    def off(self) -> None:
        if self.left:
            self.left -= 1
            raise BenchError("the PDU is mute")
        self.on = False


class Supply:
    def __init__(self, *, works: bool) -> None:
        self.works = works
        self.on = True

    def output(self, on: bool) -> None:
        if not self.works:
            raise InstrumentError("supply", command="OUTP OFF", reply="nothing")
        self.on = on


class Strategy:
    status = Status.linux


def path(outlet: Outlet, supply: Supply | None) -> PowerPath:
    feeds: Any = supply
    return PowerPath(outlet, feeds, None, Strategy())


def test_an_outlet_that_works_is_all_that_is_asked() -> None:
    outlet, supply = Outlet(0), Supply(works=True)
    path(outlet, supply).leave_off(outlet.off)
    assert (outlet.on, supply.on) == (False, True)


def test_a_dead_outlet_is_named_though_the_supply_has_taken_the_power() -> None:
    outlet, supply = Outlet(9), Supply(works=True)
    with pytest.raises(BenchError, match="the PDU is mute; the board is off all the same") as seen:
        path(outlet, supply).leave_off(outlet.off)
    assert not isinstance(seen.value, BoardOnError)
    assert not supply.on


@pytest.mark.parametrize("supply", [None, Supply(works=False)], ids=["none", "dead"])
def test_an_outlet_that_failed_once_is_asked_again_when_nothing_else_helps(
    supply: Supply | None,
) -> None:
    outlet = Outlet(1)
    path(outlet, supply).leave_off(outlet.off)
    assert not outlet.on


@pytest.mark.parametrize(
    ("supply", "said"), [(None, "no supply"), (Supply(works=False), "answered 'OUTP OFF'")]
)
def test_a_board_that_nothing_switches_off_is_said_to_be_on(
    supply: Supply | None, said: str
) -> None:
    with pytest.raises(BoardOnError, match=f"STILL ON: .*the PDU is mute; .*{said}"):
        path(outlet := Outlet(9), supply).leave_off(outlet.off)


@pytest.mark.parametrize(
    ("test", "outcome", "code"),
    [
        ("pass", Outcome.new, BENCH),
        ("assert False", Outcome.bricked, PRODUCT),
        ("raise KeyboardInterrupt", Outcome.new, INTERRUPTED),
    ],
    ids=["good", "product", "interrupted"],
)
def test_the_last_line_says_that_the_board_is_on_however_the_run_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    test: str,
    outcome: Outcome,
    code: int,
) -> None:
    results = Results.create(tmp_path / "results.sqlite", place="virtual", command="rig cycle")
    results.add_floors(floors())
    results.begin_cycle("cycle 1")
    results.add_step(replace(step(), outcome=outcome, outages=None))
    results.finish("complete")
    results.close()
    run_instead(monkeypatch, tmp_path, LEAVES.format(end=ON, test=test))

    assert cycle(tmp_path) == code

    assert LAST in capfd.readouterr().err.splitlines()[-1]


def test_a_run_that_leaves_the_board_off_says_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    recorded_night(tmp_path / "results.sqlite", 1).close()
    run_instead(monkeypatch, tmp_path, LEAVES.format(end=ON, test="pass"))
    cycle(tmp_path)
    run_instead(monkeypatch, tmp_path, LEAVES.format(end="pass", test="pass"))
    capfd.readouterr()

    assert cycle(tmp_path) == GOOD

    assert "STILL ON" not in "".join(capfd.readouterr()), "it was the run before"


def test_a_pdu_that_failed_in_the_end_is_named_once_though_the_board_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    recorded_night(tmp_path / "results.sqlite", 1).close()
    run_instead(monkeypatch, tmp_path, LEAVES.format(end=OFF_BY_SUPPLY, test="pass"))

    assert cycle(tmp_path) == BENCH

    heard = capfd.readouterr().err
    assert heard.count("error (the lab (the bench) must act): the PDU is mute") == 1
    assert "STILL ON" not in heard


def test_a_command_of_its_own_says_both_what_failed_and_that_the_board_is_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`rig rescue` runs no pytest: its error keeps its code, and the note follows."""

    def rescue(_: object) -> int:
        error = BenchError("no flash")
        error.add_note("error (the lab (the bench) must act): the board is STILL ON")
        raise error

    monkeypatch.setattr("rig.cli.rescue.run", rescue)
    assert main(["rescue", "--place", "x.yaml"]) == BENCH
    lines = capsys.readouterr().err.splitlines()
    assert "no flash" in lines[-2]
    assert "STILL ON" in lines[-1]
