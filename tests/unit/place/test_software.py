# SPDX-License-Identifier: MIT
"""What a board runs is read off a console that others talk into, and the board judged by it."""

from types import SimpleNamespace
from typing import cast

import pytest

from rig.errors import BenchError
from rig.place.place import Place
from tests.unit.helpers.dialogue import StillClock

PRINTK = "[   61.204417] jffs2: notice: (79) check_node_data: wrong data CRC in data node"
WHOLE = ["6.1.0", "1.0.0 6.1.0"]


def place(*answers: list[str]) -> Place:
    """Make a place whose shell gives these answers, and the last one for ever."""
    clock = StillClock()
    left = list(answers)

    def run(_: str) -> tuple[list[str], list[str], int]:
        clock.sleep(1.0)
        answer = (
            left.pop(0)
            if len(left) > 1
            else [word.replace("#", str(clock.now_s)) for word in left[0]]
        )
        return answer, [], 0

    shell = SimpleNamespace(run=run)
    found = SimpleNamespace(clock=clock, shell=shell)
    found._software = lambda: Place._software(cast("Place", found))
    return cast("Place", found)


@pytest.mark.parametrize(
    "broken",
    [
        ["6.1.0", "1.0.0 6.1.0", PRINTK],
        ["6.1", PRINTK, ".0", "1.0.0 6.1.0"],
        [f"6.1{PRINTK}", ".0", "1.0.0 6.1.0"],
        ["6.1.0", "1.0.0 6.1"],
        [],
    ],
)
def test_an_answer_that_got_broken_is_asked_for_again(broken: list[str]) -> None:
    assert Place.software(place(broken, WHOLE)) == ("6.1.0", "1.0.0 6.1.0")


def test_a_mixture_that_the_board_says_twice_is_one() -> None:
    """The partner."""
    mixed = ["6.12.0", "1.0.0 6.1.0"]

    assert Place.software(place(mixed)) == ("6.12.0", "1.0.0 6.1.0")


def test_a_console_that_breaks_every_answer_is_the_benchs_failure() -> None:
    with pytest.raises(BenchError, match="the console breaks what the board says that it runs"):
        Place.software(place(["6.#", "1.0.0"]))
