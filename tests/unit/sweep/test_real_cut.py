# SPDX-License-Identifier: MIT
"""A real cut in a real exercise: made as planned, nested ones too, or the bench's failure."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.campaign.cutter import SILENT_S
from rig.campaign.follower import start
from rig.errors import BoardError
from rig.faults.outcome import Outcome
from rig.faults.plan import CutAtMark, CutAtOperation, parse
from rig.sweep.exercise import BOOT_LIMIT, Exercise
from rig.sweep.real_cut import UPDATE_LIMIT_S, RealCut, Replayed
from tests.unit.helpers.scripted import BANNER, FLASH, UP, Life, ScriptedPlace, release

ROOT = Path(__file__).resolve().parents[3]
UPDATING = "@WU 9.00 download start url=x\n@WU 9.50 staging start release=2.0.0\n"
REFUSED = "@WU 9.00 staging refused reason=busy\n"
DONE = UPDATING + BANNER + "@WU 5.00 acceptance done release=2.0.0\n"
WRITING = "@WU 9.00 download start url=x\n@WU 9.50 prom start version=2 from=1\n"
CUT = Life(UPDATING, cut=True)
ONE, TWO = "cut@op:5/before", "cut@op:5/torn:seed=1,op:3/after"
THREE = TWO + ",op:2/before"


def run(place: ScriptedPlace, what: str, plan: str, own_boots: int = 0) -> Replayed:
    new: Any = SimpleNamespace() if what == "prom" else release("2.0.0")
    exercise = SimpleNamespace(
        place=place,
        what=what,
        stores=what == "data",
        new=new,
        own_boots=own_boots,
        bring=lambda: None,
        start=lambda: start(place.console, "http://rig/prom.tar"),
    )
    cut = parse(plan)
    assert isinstance(cut, CutAtOperation | CutAtMark)
    return RealCut(cast("Any", exercise)).run(cut)


def first_life(what: str) -> tuple[Life, ...]:
    """Return what is cut first: an update's life begins with its command, stores have none."""
    return {"upgrade": (CUT,), "prom": (Life(WRITING, cut=True),), "data": ()}[what]


def place_for(what: str, *lives: Life, **more: Any) -> ScriptedPlace:
    place = ScriptedPlace(*first_life(what), *lives, **more)
    if what == "data":
        place.life = Life(cut=True)
    return place


@pytest.mark.parametrize("what", ["upgrade", "prom", "data"])
def test_every_nested_cut_is_made_and_the_record_is_of_the_last(what: str) -> None:
    lives = [Life(BANNER, cut=True), Life(BANNER, cut=True)]

    replayed = run(place_for(what, *lives), what, THREE)

    assert replayed.outcome is Outcome.old, replayed.error
    assert (replayed.cut.operation, replayed.flash_sha256) == (2, FLASH)
    assert replayed.boots == 3


@pytest.mark.parametrize("what", ["upgrade", "prom", "data"])
def test_a_boot_that_a_cut_ended_does_not_count_and_another_one_does(what: str) -> None:
    lives = [Life(BANNER + BANNER, cut=True)]
    assert run(place_for(what, *lives), what, TWO).outcome is Outcome.recovered


@pytest.mark.parametrize("what", ["upgrade", "prom", "data"])
def test_a_nested_cut_that_never_comes_is_the_benchs_failure(what: str) -> None:
    place = place_for(what, Life(UP))
    place.boot = lambda: int(place.interposer.armed is None)  # type: ignore[method-assign]

    replayed = run(place, what, TWO)

    assert replayed.boots == 2, "the armed cut must not come in the login"
    assert replayed.outcome is Outcome.bench
    assert "the nested cut cut@op:3/after never came: the recovery ended on 'up'" in str(
        replayed.error
    )
    assert not place.is_on


@pytest.mark.parametrize("what", ["upgrade", "prom", "data"])
def test_a_board_that_is_bad_without_its_nested_cut_is_the_boards_failure(what: str) -> None:
    place = place_for(what, Life(UP))
    place.software = lambda: ("6.12.0", "1.0.0 6.1.0")  # type: ignore[method-assign]
    assert run(place, what, TWO).outcome is Outcome.mixed


@pytest.mark.parametrize(
    ("plan", "said", "why"),
    [
        (ONE, DONE, "the board ended on 'done' after 7 flash operations"),
        (ONE, REFUSED, "the board ended on 'refused busy' after 7"),
        ("cut@mark:run.commit", DONE, "the board ended on 'done'"),
    ],
)
def test_an_upgrade_that_is_never_cut_is_the_benchs_failure(plan: str, said: str, why: str) -> None:
    place = ScriptedPlace(Life(said))

    replayed = run(place, "upgrade", plan)

    assert replayed.outcome is Outcome.bench
    assert f"{plan} never came: {why}" in str(replayed.error)
    assert not place.is_on


def test_an_upgrade_that_is_never_cut_and_leaves_a_bad_board_is_the_boards_failure() -> None:
    place = ScriptedPlace(Life(DONE))
    place.software = lambda: ("6.12.0", "1.0.0 6.1.0")  # type: ignore[method-assign]
    assert run(place, "upgrade", ONE).outcome is Outcome.mixed


def test_a_cut_right_after_the_last_line_is_a_cut() -> None:
    replayed = run(ScriptedPlace(Life(DONE, cut=True)), "upgrade", ONE)
    assert (replayed.outcome, replayed.ended_on) == (Outcome.old, "cut")


@pytest.mark.parametrize(
    ("what", "words"),
    [("prom", "cut@op:5/before never came: the update ended on 'done'"), ("data", "never came in")],
)
def test_a_run_without_an_upgrade_that_is_never_cut_is_the_benchs_failure(
    what: str, words: str
) -> None:
    place = ScriptedPlace(Life(WRITING + "@WU 9.90 prom done version=2\n"))
    place.service._left = 99

    replayed = run(place, what, ONE)

    assert replayed.outcome is Outcome.bench
    assert words in str(replayed.error)


@pytest.mark.parametrize(("fed", "outcome"), [(True, Outcome.bricked), (False, Outcome.bench)])
@pytest.mark.parametrize("what", ["upgrade", "prom", "data"])
def test_a_board_that_does_not_answer_is_bricked_only_if_it_is_fed(
    what: str, fed: bool, outcome: Outcome
) -> None:
    place = place_for(what, fed=fed)
    place.service.error = BoardError("no answer")

    replayed = run(place, what, ONE)

    assert replayed.outcome is outcome
    assert "no answer" in str(replayed.error)
    assert replayed.flash_sha256 == FLASH, "what the cut left is known all the same"


def test_a_board_without_power_in_a_prom_update_is_looked_at_before_the_limit() -> None:
    place = ScriptedPlace(Life(WRITING), fed=False)
    began_s = place.clock.now()

    replayed = run(place, "prom", ONE)

    assert replayed.outcome is Outcome.bench
    assert "no current flows" in str(replayed.error)
    assert place.clock.now() - began_s < 2 * SILENT_S < UPDATE_LIMIT_S


@pytest.mark.parametrize(("boots", "outcome"), [(3, Outcome.old), (5, Outcome.recovered)])
def test_a_rollback_has_boots_of_its_own(boots: int, outcome: Outcome) -> None:
    place = ScriptedPlace(CUT, boots=boots)
    exercise = Exercise(cast("Any", place), "rollback", release("1.0.0"), _broken())
    assert run(place, "rollback", ONE, exercise.own_boots).outcome is outcome


def _broken() -> Any:
    return SimpleNamespace(name="2.0.0", broken="driver")


def test_a_rollback_takes_u_boots_tries_and_the_boot_that_goes_back() -> None:
    variables = (ROOT / "firmware" / "u-boot" / "walnut.env").read_text()
    (limit,) = re.findall(r"^bootlimit=(\d+)$", variables, re.MULTILINE)
    place = cast("Any", ScriptedPlace())
    upgrade = Exercise(place, "upgrade", release("1.0.0"), release("2.0.0"))
    rollback = Exercise(place, "rollback", release("1.0.0"), _broken())

    assert int(limit) == BOOT_LIMIT
    assert (upgrade.own_boots, rollback.own_boots) == (0, BOOT_LIMIT + 1)
