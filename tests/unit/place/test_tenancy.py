# SPDX-License-Identifier: MIT
"""A place that is taken away in mid-run: a real coordinator, a plug on loopback, no board."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.errors import BenchError, TakenError
from rig.place.place import Place
from tests.unit.helpers.lab import Lab, lent_place_file
from tests.unit.helpers.lab import lab as open_lab
from tests.unit.helpers.plug import Plug

pytestmark = pytest.mark.usefixtures("own_state")


@pytest.fixture
def lab(outlet: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with open_lab(tmp_path, outlet, monkeypatch) as made:
        yield made


@pytest.fixture
def lent(lab: Lab, outlet: Plug, tmp_path: Path) -> Iterator[Place]:  # noqa: ARG001 # it must be up
    """Open the place, and give its board its power."""
    place = Place.open(lent_place_file(tmp_path, outlet))
    place.strategy.target.activate(place.power)
    place.power.on()
    assert outlet.on
    yield place
    outlet.on = False


def test_a_place_that_stays_ours_is_switched_off_in_the_end(lent: Place, outlet: Plug) -> None:
    lent.close()
    assert not outlet.on


def test_a_place_that_somebody_took_is_left_alone_and_says_who(
    lent: Place, lab: Lab, outlet: Plug
) -> None:
    lab.client("release", "--kick", user="alice")
    lab.client("acquire", user="alice")
    before = list(outlet.commands)

    with pytest.raises(TakenError, match="was taken by desk/alice in mid-run"):
        lent.boot()
    for act in (lent.power.on, lent.power.off, lent.power_path.feed, lent.close):
        with pytest.raises(TakenError, match="desk/alice"):
            act()

    assert outlet.commands == before, "it is hers"


def test_a_place_that_is_nobodys_gets_no_power_and_is_switched_off(
    lent: Place, lab: Lab, outlet: Plug
) -> None:
    lab.client("release", "--kick", user="alice")
    with pytest.raises(BenchError, match="is nobody's now"):
        lent.boot()
    lent.close()
    assert not outlet.on


def test_a_coordinator_that_is_gone_is_named_and_the_board_switched_off(
    lent: Place, lab: Lab, outlet: Plug
) -> None:
    lab.end()
    with pytest.raises(BenchError, match="coordinator does not say whose place"):
        lent.boot()
    lent.close()
    assert not outlet.on
