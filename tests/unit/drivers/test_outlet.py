# SPDX-License-Identifier: MIT
"""A plug that hangs up once is asked again, and a board goes off whatever else is dead."""

from pathlib import Path

import pytest

from rig.drivers.power import AGAIN_S
from rig.drivers.strategy import Status
from rig.errors import BenchError, BoardOnError
from rig.place.place import Place
from tests.unit.helpers.plug import Plug, place_file

pytestmark = pytest.mark.usefixtures("own_state")


def test_a_plug_that_hangs_up_once_is_asked_again(outlet: Plug, tmp_path: Path) -> None:
    with Place.open(place_file(tmp_path, outlet)) as place:
        place.strategy.target.activate(place.power)
        outlet.drop = 1
        place.power.on()
        assert outlet.on
        outlet.drop = 1
        assert place.power.get()
    assert outlet.drop == 0, "or nothing was refused"


def test_the_last_command_of_a_run_is_asked_again_too(outlet: Plug, tmp_path: Path) -> None:
    with Place.open(place_file(tmp_path, outlet)) as place:
        place.strategy.target.activate(place.power)
        place.power.on()
        outlet.drop = 1
    assert not outlet.on


def test_a_plug_that_confirms_and_does_nothing_is_told_once_more(
    outlet: Plug, tmp_path: Path
) -> None:
    with Place.open(place_file(tmp_path, outlet, deadline_s=2.0)) as place:
        place.strategy.target.activate(place.power)
        outlet.deaf = 1
        place.power.on()
        assert outlet.commands == [True, True]
        outlet.deaf = 9
        with pytest.raises(BenchError, match="reads back the opposite"):
            place.power.off()
        assert outlet.commands == [True, True, False, False]
        outlet.deaf = 0


def test_a_plug_that_is_dead_is_given_up_within_its_deadline_and_the_board_said_to_be_on(
    outlet: Plug, tmp_path: Path
) -> None:
    path = place_file(tmp_path, outlet, deadline_s=2 * AGAIN_S)
    place = Place.open(path)
    place.strategy.target.activate(place.power)
    place.power.on()
    outlet.drop = 1000
    with pytest.raises(BoardOnError, match=r"STILL ON.*failed to answer 'off'"):
        place.close()
    assert outlet.on


def test_what_ended_a_run_is_not_hidden_by_a_board_that_stays_on(
    outlet: Plug, tmp_path: Path
) -> None:
    place = Place.open(place_file(tmp_path, outlet, deadline_s=2 * AGAIN_S))
    first = ValueError("first")
    place.strategy.target.activate(place.power)
    place.power.on()
    outlet.drop = 1000
    place.__exit__(ValueError, first, None)
    assert "STILL ON" in "".join(first.__notes__)


def test_a_board_whose_console_is_dead_goes_off(outlet: Plug, tmp_path: Path) -> None:
    outlet.on = True
    with Place.open(place_file(tmp_path, outlet)) as place:
        place.strategy.transition(Status.off)
        assert not outlet.on
        place.power.on()
    assert not outlet.on


def test_of_a_board_that_the_rig_never_switched_on_nobody_says_that_it_is_on(
    outlet: Plug, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Place.open(place_file(tmp_path, outlet, deadline_s=1.0)) as place:
        place.strategy.target.activate(place.power)
        outlet.drop = 999
        with pytest.raises(BenchError):
            place.power.get()
    assert "not off yet" in caplog.text
