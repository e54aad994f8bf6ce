# SPDX-License-Identifier: MIT
"""Whatever a board does with a combination, and whatever breaks, there is a record of it."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.campaign.combination import Combination, Seen, seen
from rig.campaign.follower import Follower
from rig.clock import Deadline
from rig.errors import BenchError, BoardError
from rig.faults.expectations import Pair, PairVerdict, falls_back, refused, runs
from tests.unit.helpers.scripted import BANNER, GAVE_UP, UP, Life, ScriptedPlace

TAKEN = "@WU 9.00 download start url=x\n@WU 9.50 staging start release=2.0.0\n"
TRIED = BANNER + "@WU 5.00 boot up release=2.0.0 kernel=6.1.0 pending=1\n"
LIMIT_S = 60.0


class Bench:
    """A combination's place, and the pairs that were recorded."""

    def __init__(self, place: ScriptedPlace) -> None:
        self.pairs: list[Pair] = []
        self.said: list[str] = []
        self.place = place
        results = SimpleNamespace(add_pair=self.pairs.append)
        campaign = SimpleNamespace(place=place, results=results, say=self.said.append)
        self.combination = Combination(cast("Any", campaign))

    def record(self, act: Callable[[], Seen], expected: str = runs("1.0.0")) -> Pair:
        return self.combination.record("kernel", "x", expected, act)

    def power_on(self) -> Seen:
        place: Any = self.place
        place.strategy.start()
        follower = Follower(place.console, place.clock, lambda _: None)
        follower.follow(Deadline.after(place.clock, LIMIT_S), lambda: False)
        return self.combination.up(follower)

    def offer(self) -> Seen:
        return self.combination.offer(Path("bad.tar"), LIMIT_S)


def test_a_board_that_comes_up_is_recorded_as_what_it_runs() -> None:
    bench = Bench(ScriptedPlace(Life(UP)))
    assert bench.record(bench.power_on).verdict is PairVerdict.as_expected


@pytest.mark.parametrize("said", [GAVE_UP, TRIED + GAVE_UP])
def test_a_board_that_gives_up_is_recorded_so_whatever_it_had_run_before(said: str) -> None:
    bench = Bench(ScriptedPlace(Life(said)))

    pair = bench.record(bench.power_on, falls_back("1.0.0"))

    assert bench.pairs == [pair]
    assert (pair.seen, pair.accepted, pair.error) == ("gave up: service", False, "")
    assert pair.verdict is PairVerdict.differs


def test_a_bad_bundle_after_which_the_board_gives_up_was_accepted() -> None:
    bench = Bench(ScriptedPlace(Life(TAKEN + GAVE_UP)))

    pair = bench.record(bench.offer, refused("hash"))

    assert (pair.seen, pair.verdict) == ("gave up: service", PairVerdict.silent)


def raising(error: Exception) -> Callable[[], Seen]:
    def act() -> Seen:
        raise error

    return act


@pytest.mark.parametrize("error", [ValueError("no such thing"), StopIteration()])
def test_an_exception_that_nobody_expected_is_recorded_before_it_is_raised(
    error: Exception,
) -> None:
    bench = Bench(ScriptedPlace())

    with pytest.raises(type(error)) as caught:
        bench.record(raising(error))

    (pair,) = bench.pairs
    assert caught.value is error
    assert pair.verdict is PairVerdict.bench
    assert type(error).__name__ in pair.error


@pytest.mark.parametrize(
    ("fed", "verdict", "error"),
    [(True, PairVerdict.differs, ""), (False, PairVerdict.bench, "no current flows (silence)")],
)
def test_a_silent_board_is_the_boards_failure_only_if_it_is_fed(
    fed: bool, verdict: PairVerdict, error: str
) -> None:
    bench = Bench(ScriptedPlace(fed=fed))
    bench.place.is_on = True

    with contextlib.suppress(BenchError):
        bench.record(raising(BoardError("silence")))

    (pair,) = bench.pairs
    assert pair.verdict is verdict
    assert pair.error.endswith(error)
    assert not bench.place.is_on


def test_a_failing_bench_is_recorded_and_ends_the_run() -> None:
    bench = Bench(ScriptedPlace())
    with pytest.raises(BenchError, match="a cable"):
        bench.record(raising(BenchError("a cable")))
    assert [pair.verdict for pair in bench.pairs] == [PairVerdict.bench]


def test_what_was_done_is_told() -> None:
    bench = Bench(ScriptedPlace())
    bench.record(lambda: seen(runs("2.0.0")))
    assert bench.said == ["kernel: x: runs 2.0.0 [DIFFERS]"]
