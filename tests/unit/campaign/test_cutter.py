# SPDX-License-Identifier: MIT
"""A board that falls silent in an update is looked at, long before the update's limit."""

from typing import Any, cast

import pytest

from rig.campaign.cutter import SILENT_S, Cutter
from rig.campaign.follower import Event
from rig.errors import BenchError
from rig.faults.plan import NoFault
from tests.unit.helpers.dialogue import StillClock
from tests.unit.helpers.scripted import ScriptedPower


class Place:
    """A place whose board is not fed."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self.power_path = ScriptedPower(fed=False)


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def cutter(place: Place) -> Cutter:
    return Cutter(cast("Any", place), NoFault(), lambda _: None)


def test_a_silent_board_that_is_not_fed_is_the_benchs_failure(place: Place, cutter: Cutter) -> None:
    place.clock.sleep(SILENT_S)
    with pytest.raises(BenchError, match="no current"):
        cutter.is_cut()
    assert not cutter.is_cut(), "and it is asked again only after another silence"


def test_a_board_that_talks_is_left_alone(place: Place, cutter: Cutter) -> None:
    place.clock.sleep(SILENT_S - 1.0)
    cutter.see(Event(0.0, "staging", "progress", {}, place.clock.now()))
    place.clock.sleep(SILENT_S - 1.0)
    assert not cutter.is_cut()
