# SPDX-License-Identifier: MIT
"""What the rig itself asks of a board before a reset is over before the service is watched."""

from types import SimpleNamespace
from typing import Any, cast

from rig.board.walnut.service import Mark
from rig.campaign.injector import Injector
from rig.campaign.reset import Reset
from rig.errors import BoardError
from rig.outage.event import LEAD_S
from tests.unit.helpers.dialogue import StillClock


class Board:
    """A place and its watch, which write down what is asked of them; the reset itself fails."""

    interposer = None

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.clock = StillClock()
        self.service = self.shell = self.power_path = self

    def boot(self) -> int:
        self.asked.append("boot")
        return 0

    def mark(self, _: float) -> Mark:
        self.asked.append("store")
        return Mark(value=1, counter=1, sessions=1, release="1.0.0")

    def wait(self, duration_s: float) -> None:
        self.asked.append(f"good for {duration_s:g} s")
        self.clock.sleep(duration_s)

    def lost(self, *_: float) -> int:
        return 0

    def open(self, label: str) -> SimpleNamespace:
        self.asked.append("event")
        return SimpleNamespace(label=label)

    def run(self, _: str) -> Any:
        self.asked.append("kill")
        raise BoardError("enough")

    def check_bench(self, _: BoardError) -> None: ...
    def safe_off(self) -> None: ...


def test_the_store_that_makes_the_board_stand_still_comes_before_the_good_service() -> None:
    """It writes the flash for some 20 ms: right before a power cut that was part of the outage."""
    board = Board()
    injector = Injector(cast("Any", board), cast("Any", board))

    pending = injector.reset("reset", Reset.process, 0.0, 15.0)

    assert board.asked == ["boot", "store", "good for 15 s", "event", "kill"]
    assert pending.result.steady_s == 15.0


def test_a_reset_that_asks_for_no_good_service_has_a_second_of_it_all_the_same() -> None:
    board = Board()
    Injector(cast("Any", board), cast("Any", board)).reset("reset", Reset.process, 0.0)
    assert board.asked[2] == f"good for {LEAD_S:g} s"
