# SPDX-License-Identifier: MIT
"""A test of somebody's own that is cut: what is preparation, when it is cut, who is to blame."""

import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.campaign import body_cut
from rig.campaign.board import Board
from rig.drivers.strategy import Status
from rig.errors import BoardError, CommandFailedError, UsageError
from rig.faults.outcome import Outcome
from rig.faults.plan import CutAtOperation, parse
from tests.unit.helpers.dialogue import StillClock
from tests.unit.helpers.scripted import release

PLAN = cast("CutAtOperation", parse("cut@op:3/after"))
ONE = release("1.0.0")


class Place:
    """A place whose board writes its flash once for each command, and loses its power as armed."""

    def __init__(self, *, comes_back: bool = True, held: str = "whole", boots: int = 1) -> None:
        self.clock = StillClock()
        self.strategy = SimpleNamespace(
            status=Status.linux, lost=lambda: None, transition=lambda _: None, boot_limit_s=1.0
        )
        self.service = SimpleNamespace(echo=lambda *_: SimpleNamespace(release="1.0.0"))
        self.power_path = SimpleNamespace(feed=lambda: None, check=lambda: None)
        self.shell = self
        self.meanwhile: Callable[[], object] | None = None
        self.interposer = self
        self.operations = 0
        self.armed: int | None = None
        self.is_off = False
        self._comes_back = comes_back
        self._held = held
        self._boots = boots

    def need(self, _: str) -> "Place":
        return self

    def restore(self, _: object) -> None: ...
    def check_bench(self, _: object) -> None: ...
    def last(self) -> str:
        return "the cut"

    def sha256(self) -> str:
        return "f" * 64

    def safe_off(self) -> None:
        self.is_off = True

    def boot(self) -> int:
        if not self._comes_back:
            raise BoardError("it does not come up")
        self.armed = None
        return self._boots

    def reset_count(self) -> None:
        self.operations = 0

    def count(self) -> int:
        return self.operations

    def arm(self, operation: int, *_: object) -> None:
        self.armed = operation

    def disarm(self) -> None:
        self.armed = None

    def state(self) -> str:
        return "FIRED" if self.armed and self.operations >= self.armed else "ARMED"

    def run(self, command: str, **_: object) -> tuple[list[str], list[str], int]:
        self.operations += 1
        if self.meanwhile:
            self.meanwhile()
        if command == "cat":
            return [self._held], [], 0
        return [], [], int(command == "false")


def ran(place: Place, body: Callable[[Board], object]) -> Any:
    board = Board(cast("Any", place))
    return body_cut.run(board, ONE, PLAN, "mine", lambda: body(board))


def is_whole(board: Board) -> None:
    assert board.run("cat") == "whole"


def test_what_comes_before_the_check_is_preparation_and_is_not_cut() -> None:
    done: list[str] = []

    def body(board: Board) -> None:
        for _ in range(9):
            board.run("prepare")
        board.after_cut(is_whole)
        for number in range(9):
            board.run("write")
            done.append(str(number))

    result = ran(Place(), body)

    assert done == ["0", "1"], "the third one is cut"
    assert (result.outcome, result.ended_on, result.cut) == (Outcome.old, "cut", "the cut")


def test_what_catches_every_exception_does_not_catch_the_cut() -> None:
    def body(board: Board) -> None:
        board.after_cut(is_whole)
        for _ in range(9):
            with contextlib.suppress(Exception):  # as tests that try again do
                board.run("write")

    assert ran(Place(), body).outcome is Outcome.old


def writes(board: Board) -> None:
    board.after_cut(is_whole)
    for _ in range(9):
        board.run("write")


def test_a_check_that_fails_is_lost_state() -> None:
    result = ran(Place(held="half"), writes)
    assert result.outcome is Outcome.lost_state
    assert "half" in str(result.error)


def test_a_command_that_fails_in_a_check_is_lost_state() -> None:
    def body(board: Board) -> None:
        board.after_cut(lambda board: board.run("false"))
        for _ in range(9):
            board.run("write")

    result = ran(Place(), body)
    assert result.outcome is Outcome.lost_state
    assert "'false' ended with 1" in str(result.error)


def test_a_board_that_does_not_come_back_is_bricked_and_left_off() -> None:
    place = Place(comes_back=False)
    result = ran(place, writes)
    assert result.outcome is Outcome.bricked
    assert place.is_off


@pytest.mark.parametrize("stumble", [BoardError("no login"), ValueError("nothing to parse")])
def test_whatever_a_body_stumbles_over_without_power_is_the_cut(stumble: Exception) -> None:
    def body(board: Board) -> None:
        board.after_cut(is_whole)
        cast("Any", board.place).operations = 9  # it was, and the body has not looked
        raise stumble

    assert ran(Place(), body).outcome is Outcome.old


def test_a_body_that_fails_before_its_cut_makes_no_dead_board() -> None:
    """A command that takes longer than its limit, say: no verdict on what a cut does."""
    place = Place()

    def body(board: Board) -> None:
        board.after_cut(is_whole)
        raise BoardError("no prompt within 30.0 s")

    with pytest.raises(BoardError):
        ran(place, body)
    assert place.armed is None


def test_nothing_in_a_body_feeds_a_board_that_was_cut() -> None:
    def body(board: Board) -> None:
        board.after_cut(is_whole)
        cast("Any", board.place).operations = 9
        board.boot()
        raise AssertionError("its flash is evidence")

    assert ran(Place(), body).outcome is Outcome.old


def test_a_board_that_needed_another_boot_has_recovered() -> None:
    assert ran(Place(boots=2), writes).outcome is Outcome.recovered


def test_a_board_that_does_not_start_at_all_is_bricked_and_its_body_is_not_run() -> None:
    place = Place()
    cast("Any", place).restore = lambda _: Place(comes_back=False).boot()
    ran_it: list[Board] = []

    assert ran(place, ran_it.append).outcome is Outcome.bricked
    assert not ran_it
    assert place.is_off


def test_a_cut_that_never_comes_says_how_many_operations_there_are() -> None:
    def body(board: Board) -> None:
        board.after_cut(is_whole)
        board.run("write")

    place = Place()
    with pytest.raises(UsageError, match=r"never came: .* makes 1 flash operations"):
        ran(place, body)
    assert place.armed is None, "nothing is cut later"


def test_a_test_without_a_check_judges_nothing_and_is_refused() -> None:
    with pytest.raises(UsageError, match=r"calls board\.after_cut"):
        ran(Place(), lambda board: board.run("write"))


def test_a_body_that_fails_before_its_cut_is_no_failure_of_the_boards() -> None:
    """The partner: its own assertion, or a command that the board does not know."""
    with pytest.raises(CommandFailedError):
        ran(Place(), lambda board: board.run("false"))

    def wrong(_: Board) -> None:
        assert 1 + 1 == 3

    with pytest.raises(AssertionError):
        ran(Place(), wrong)
