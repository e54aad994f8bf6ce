# SPDX-License-Identifier: MIT
"""What the stand-in's software must do, on the bench: refuse, fall back, keep its state."""

import json

import pytest

from rig.board.catalogue import Catalogue
from rig.campaign.follower import Follower, start
from rig.campaign.injector import Injector
from rig.campaign.reset import Reset
from rig.clock import Deadline
from rig.drivers.strategy import Status
from rig.faults.outcome import Outcome
from rig.place.place import Place
from tests.bench.conftest import INDEX, Bench

pytestmark = pytest.mark.timeout(120)

OFF_S = 1.0


def never() -> bool:
    return False


def offer(place: Place, name: str) -> str | None:
    """Offer a bad bundle; return the reason for which the board refused it."""
    bundle = place.catalogue.bundle(name)
    follower = Follower(place.console, place.clock, lambda _: None, from_start=True)
    url = place.bundles.offer(bundle.bundle)
    start(place.console, url)
    ended_on = follower.follow(Deadline.after(place.clock, 60.0), never)
    place.strategy.lost()
    return follower.record(url, ended_on).refused


def test_a_slot_that_cannot_be_booted_leads_back(place: Place) -> None:
    """The environment says b, b is empty: the PROM goes back and the board reports it."""
    place.boot()
    script = "slot b\\nfallback a\\nupgrade_available 1\\nbootcount 0\\n"
    _, _, code = place.shell.run(f"printf '{script}' | fw_setenv --script -")
    assert code == 0
    events = Follower(place.console, place.clock, lambda _: None)
    place.console.sendline("reboot -f")
    assert events.follow(Deadline.after(place.clock, 60.0), never) == "fallback"
    place.strategy.lost()
    place.boot()
    lines, _, _ = place.shell.run("fw_printenv slot upgrade_available")
    assert lines[-2:] == ["slot=a", "upgrade_available=0"]


def test_a_program_that_does_not_take_is_found_before_the_commit(
    bench: Bench, place: Place
) -> None:
    """The updater reads back what it has written; the bench's flash has one weak program in it."""
    place.boot()
    follower = Follower(place.console, place.clock, lambda _: None, from_start=True)
    bench.fault("board.weak-flash", 500)
    start(place.console, place.bundles.offer(place.catalogue.release("2.0.0").bundle))

    ended_on = follower.follow(Deadline.after(place.clock, 90.0), never)

    last = follower.events[-1]
    assert (ended_on, last.phase, last.keys) == ("failed", "staging", {"reason": "verify"})
    assert bench.board["faults_met"] == 1
    place.strategy.lost()
    place.strategy.transition(Status.off)
    place.boot()
    answer = place.service.echo()
    assert answer is not None
    assert answer.release == "1.0.0"


def test_a_second_update_is_refused_while_one_waits_for_its_confirmation(place: Place) -> None:
    place.boot()
    place.shell.run("fw_setenv upgrade_available 1")
    assert offer(place, "corrupt") == "busy"


def test_state_survives_a_power_cut_right_after_its_acknowledgement(place: Place) -> None:
    place.boot()
    for value in range(1, 6):
        answer = place.service.store(7, value, 5.0)
        assert answer.value == value
        place.power.off()
        place.strategy.lost()
        place.boot()
        assert place.service.store(7, value, 5.0).counter == answer.counter


@pytest.mark.parametrize(("what", "boots"), [(Reset.process, 0), (Reset.os, 1), (Reset.power, 1)])
def test_a_reset_brings_the_same_release_back_with_its_state(
    place: Place, what: Reset, boots: int
) -> None:
    result = Injector(place, None).reset(what.value, what, OFF_S).settle()

    assert result.outcome is Outcome.old, result.error
    assert (result.to_release, result.boots) == ("1.0.0", boots)
    assert result.state_before == result.state_after
    if what is Reset.power:
        assert result.power_gone is not None
        assert result.power_gone.value + result.power_gone.uncertainty >= OFF_S
    else:
        assert result.power_gone is None


def test_a_run_records_which_sources_were_built(place: Place) -> None:
    sources = json.loads(place.catalogue.index.read_text())["sources"]
    assert place.describe()["sources"] == sources
    assert {"u-boot", "busybox"} <= set(sources)


def test_the_catalogue_is_what_was_built() -> None:
    catalogue = Catalogue.load(INDEX)
    for release in catalogue.releases.values():
        catalogue.verify(release)
    kernels = {release.kernel.split(".")[1] for release in catalogue.releases.values()}
    assert kernels == {"1", "12"}, "the releases must have two different kernels"


def test_a_prompt_from_before_the_power_went_is_not_the_booted_boards(place: Place) -> None:
    """Else the rig types into a board that is booting, and a key stops U-Boot's autoboot."""
    place.boot()
    place.console.sendline("true")  # nobody reads its echo and the prompt after it
    place.clock.sleep(0.5)
    place.strategy.transition(Status.off)

    assert place.boot() == 1
