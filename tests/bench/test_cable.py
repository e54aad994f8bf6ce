# SPDX-License-Identifier: MIT
"""The service's path is a cable: what comes for a board that is not there yet is lost.

That the path drops it is shown in tests/unit/instruments/test_gate_box.py; here it is shown when.
"""

import pytest

from rig.clock import Deadline
from rig.drivers.strategy import Status
from rig.place.place import Place
from tests.bench.conftest import Bench

pytestmark = pytest.mark.timeout(180)


def wait_for(bench: Bench, place: Place, link: str) -> None:
    deadline = Deadline.after(place.clock, 60.0)
    while bench.board["link"] != link:
        assert not deadline.passed, f"the link is never {link}"
        place.clock.sleep(0.02)


def test_the_link_is_up_from_when_linux_has_set_its_controller_up_until_the_reset(
    bench: Bench, place: Place
) -> None:
    assert bench.board["link"] == "down"
    place.strategy.transition(Status.prom)
    assert bench.board["link"] == "down", "the PROM has no use for it"

    place.boot()
    assert bench.board["link"] == "up"
    place.console.sendline("reboot")
    wait_for(bench, place, "down")
    wait_for(bench, place, "up")
    place.strategy.lost()

    place.strategy.transition(Status.off)
    assert bench.board["link"] == "down"
