# SPDX-License-Identifier: MIT
"""A service that is silent to the rig: its board's failure, or that of the way to it."""

from pathlib import Path

import pytest

from rig.campaign.failure import blame
from rig.campaign.injector import Injector
from rig.errors import SilentServiceError
from rig.faults.outcome import Outcome
from rig.faults.plan import parse
from rig.place.place import Place
from tests.bench.conftest import Bench

pytestmark = pytest.mark.timeout(300)
LIMIT_S = 20.0  # for a service to answer: it is silent for good
WEDGE = (
    "for p in /proc/[0-9]*; do read -r c <$p/comm && [ $c = walnutd ] && kill -STOP ${p##*/}; done"
    " 2>/dev/null; true"
)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("traffic.down", "the board reaches the rig, and nothing of the rig's reaches the board"),
        ("network.down", "nothing passes between rig and board, either way"),
    ],
)
def test_a_path_that_dies_in_mid_upgrade_is_the_benchs_failure(
    bench: Bench, place: Place, tmp_path: Path, fault: str, said: str
) -> None:
    def on_event(event: object) -> None:
        if getattr(event, "event", "") == "progress" and not bench.board["faults_met"]:
            bench.fault(fault)

    place.strategy.boot_limit_s = LIMIT_S
    place.boot()
    with place.watch(tmp_path / "raw", with_feed=True) as watch:
        to = place.catalogue.release("2.0.0")
        result = Injector(place, watch, on_event).upgrade("up", to, parse("none")).settle()

    assert result.outcome is Outcome.bench
    assert said in str(result.error)
    assert "switch, cable, gate box" in str(result.error)
    assert not bench.board["powered"], "the board is left off"
    bench.fault("clear")
    place.boot()  # a path that is back is one


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (WEDGE, "nor does it always answer on the board itself"),
        ("ip link set eth0 down", "the board has no interface that is up"),
        ("ip addr flush dev eth0", "reaches the board .* and is not answered"),
        ("ip route add blackhole 10.0.2.2", "reaches the board .* and is not answered"),
    ],
)
def test_a_service_that_is_gone_while_its_path_is_well_is_the_boards_failure(
    place: Place, harm: str, said: str
) -> None:
    """Wedged, or cut off from the network by the board itself."""
    place.boot()
    _, _, code = place.shell.run(harm)
    assert code == 0
    place.strategy.boot_limit_s = LIMIT_S / 2

    with pytest.raises(SilentServiceError, match=said) as silence:
        place.await_service()

    outcome, words = blame(place, silence.value)
    assert outcome is Outcome.bricked
    assert words.count("on the board itself") + words.count("has no interface") >= 1
    assert words.count("; ") == str(silence.value).count("; "), "the board is asked once"
