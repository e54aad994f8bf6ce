# SPDX-License-Identifier: MIT
"""A service that does not settle is the board's failure only when the bench could have told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.campaign.reset import Reset
from rig.campaign.step import PendingStep, StepResult
from rig.clock import SystemClock
from rig.errors import BenchError, SilentServiceError
from rig.faults.outcome import Outcome
from rig.measure.measurement import Measurement
from rig.outage.event import Episode
from rig.outage.gaps import Gap
from rig.outage.result import Agreement, Floors, Outages, Settling
from tests.unit.helpers.scripted import ScriptedPower

MEASURED = Measurement(name="x", value=36.0, unit="s", uncertainty=0.1, source="y", taken_at_s=1.0)
CUT = cast("Any", SimpleNamespace(ended_on="cut"))
SILENT = Outages(
    label="reset",
    traffic=MEASURED,
    counter=None,
    frame_loss=MEASURED,
    settling=Settling(time=MEASURED, silences=0, silences_s=0.0),
    counter_settling=None,
    agreement=Agreement.traffic_only,
    loss_frames=3,
    duplicates=0,
    reordered=0,
    late=0,
    gaps=(),
    longest=Gap(1.0, 2.0),
    recovered=False,
    floors=Floors(traffic_s=0.003, counter_s=None, duration_s=5.0, lost=0),
    releases=("1.0.0",),
    notes=(),
    raw=Path("raw.npz"),
    watched_s=36.0,
)


class Service:
    """A service whose driver ticks, or stands still; or one that does not answer."""

    def __init__(self, ticks: Iterator[int | None]) -> None:
        self._ticks = ticks

    def echo(self) -> SimpleNamespace | None:
        ticks = next(self._ticks)
        return None if ticks is None else SimpleNamespace(ticks=ticks)


class Place:
    """A place whose feed is well, or not."""

    clock = SystemClock()

    def __init__(
        self, ticks: tuple[int | None, ...], *, fed: bool = True, is_well: bool = False
    ) -> None:
        self.power_path = ScriptedPower(fed=fed)
        self.service = Service(iter(ticks))
        self.service_path = SimpleNamespace(check=self._ask)
        self.is_well = is_well

    def _ask(self, silence: SilentServiceError) -> None:
        if self.is_well:
            raise BenchError("its board says that it is well")
        silence.note("nor does it answer there")


class Watch:
    def __init__(self, outages: Outages, said: str) -> None:
        self._outages = outages
        self._said = said

    def settle(self, episode: Episode, **_: object) -> Outages:
        del episode
        return self._outages

    def dissent(self, episode: Episode) -> str:
        del episode
        return self._said


def settled(
    outages: Outages,
    *,
    fed: bool = True,
    is_well: bool = False,
    said: str = "",
    ticks: tuple[int | None, ...] = (100, 150),
    reset: Reset | None = None,
) -> StepResult:
    result = StepResult(
        name="reset", wanted="1.0.0", fault="none", outcome=Outcome.old, reset=reset
    )
    episode = Episode("reset", 0.0, 1.0)
    place = cast("Any", Place(ticks, fed=fed, is_well=is_well))
    return PendingStep(result, place, cast("Any", Watch(outages, said)), episode).settle()


def test_a_service_that_stays_away_is_the_boards_failure() -> None:
    assert settled(SILENT).outcome is Outcome.bricked
    gone = replace(SILENT, stalled_s=2.3, silent_s=30.0)
    assert settled(gone).outcome is Outcome.bricked, "a busy computer is no excuse for silence"
    assert settled(replace(SILENT, recovered=True)).outcome is Outcome.old


def test_a_silent_service_is_asked_for_on_its_board() -> None:
    silent = replace(SILENT, silent_s=30.0)

    assert settled(silent).notes == ["the service did not stay up; nor does it answer there"]
    result = settled(silent, is_well=True)
    assert result.outcome is Outcome.bench
    assert "its board says that it is well" in str(result.error)


def test_a_service_that_comes_and_goes_has_a_way_to_the_rig() -> None:
    result = settled(replace(SILENT, silent_s=0.3), is_well=True)
    assert result.outcome is Outcome.bricked


def test_a_service_that_answers_and_never_has_five_clean_seconds_is_not_gone() -> None:
    """A computer that hiccups every four seconds makes no dead board."""
    result = settled(replace(SILENT, serving=True))
    assert result.outcome is Outcome.old
    assert result.notes == ["the service answers, but did not settle within 30 s"]


@pytest.mark.parametrize(
    ("outages", "fed", "said"),
    [
        (replace(SILENT, stalled_s=2.3), True, "own computer stood still for 2.30 of 36 s"),
        (SILENT, False, "no current flows"),
    ],
)
def test_a_bench_that_could_not_tell_is_the_benchs_failure(
    outages: Outages, fed: bool, said: str
) -> None:
    result = settled(outages, fed=fed)
    assert result.outcome is Outcome.bench
    assert said in str(result.error)


@pytest.mark.parametrize("recovered", [True, False])
def test_a_board_that_lost_its_power_by_nobodys_plan_is_the_benchs_failure(
    recovered: bool,
) -> None:
    outages = replace(SILENT, recovered=recovered, unfed=replace(MEASURED, value=0.5))

    result = settled(outages, reset=Reset.os)

    assert result.outcome is Outcome.bench
    assert "drew no current for 0.50 ± 0.10 s" in str(result.error)


def test_power_that_the_rig_took_itself_is_no_failure() -> None:
    outages = replace(SILENT, recovered=True, unfed=replace(MEASURED, value=2.0))
    assert settled(outages, reset=Reset.power).outcome is Outcome.old
    cut = StepResult(name="cut", wanted="2.0.0", fault="cut@op:7/after", upgrade=CUT)
    assert cut.takes_power


def test_instruments_that_differ_over_the_service_are_the_benchs_failure() -> None:
    result = settled(SILENT, said="look at the cable")
    assert result.outcome is Outcome.bench
    assert "both instruments: look at the cable" in str(result.error)
    whole = replace(SILENT, recovered=True)
    assert settled(whole, said="look at the cable").outcome is Outcome.old


@pytest.mark.parametrize("ticks", [(100, 100), (100, 3), (None, 100), (100, None)])
def test_a_heartbeat_that_the_board_does_not_drive_is_no_failure_of_the_bench(
    ticks: tuple[int | None, ...],
) -> None:
    """Its driver stands still, it has started anew, or it does not answer: look at the board."""
    result = settled(SILENT, said="look at the cable", ticks=ticks)
    assert result.outcome is Outcome.bricked
