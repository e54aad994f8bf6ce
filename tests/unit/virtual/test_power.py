# SPDX-License-Identifier: MIT
"""The 5 V feed: outlet, output and inhibit in series."""

import itertools

import pytest

from rig.virtual.board.power import Feed


@pytest.mark.parametrize(
    ("outlet", "output", "inhibited"), list(itertools.product([False, True], repeat=3))
)
def test_the_board_is_powered_only_when_all_three_agree(
    outlet: bool, output: bool, inhibited: bool
) -> None:
    feed = Feed()
    feed.switch(outlet=outlet, output=output, inhibited=inhibited)
    assert feed.powered == (outlet and output and not inhibited)


def test_a_change_is_told_once_and_only_when_it_is_one() -> None:
    told: list[bool] = []
    feed = Feed(changed=told.append)
    feed.switch(outlet=True)
    feed.switch(outlet=True)
    feed.switch(inhibited=True)
    feed.switch(outlet=False)
    assert told == [True, False]


def test_a_board_below_its_reset_threshold_is_off() -> None:
    feed = Feed(outlet=True)
    feed.switch(volts=4.4)
    assert not feed.powered
