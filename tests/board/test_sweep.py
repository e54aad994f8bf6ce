# SPDX-License-Identifier: MIT
"""`rig sweep`: a cut at every chosen flash operation, and what the board must make of it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import allure
import pytest

from rig.errors import BenchError
from rig.faults.outcome import Outcome
from rig.place.place import Place
from rig.report.sweep import agrees
from rig.sweep.exercise import Exercise
from rig.sweep.operation_worker import Sweeper
from rig.sweep.point import LONG, SHORT
from rig.sweep.records import SweepRecords

BAD = {outcome.value for outcome in Outcome if not outcome.good}
DAY_S = 86_400


@pytest.fixture
def settings(pytestconfig: pytest.Config) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pytestconfig.getoption("rig_sweep"))
    return found


@pytest.fixture
def sweep_records(run_folder: Path) -> Iterator[SweepRecords]:
    sweep_records = SweepRecords(run_folder / "sweep.sqlite")
    yield sweep_records
    sweep_records.close()


@pytest.fixture
def sweeper(
    place: Place,
    console_log: Any,
    sweep_records: SweepRecords,
    settings: dict[str, Any],
    progress: Callable[[str], None],
) -> Sweeper:
    old = place.catalogue.release(settings["old"])
    new = place.catalogue.target(settings["what"], settings["new"])
    return Sweeper(
        Exercise(place, settings["what"], old, new), sweep_records, settings, progress, console_log
    )


@pytest.mark.timeout(600)
def test_plan(sweeper: Sweeper) -> None:
    """Count and name the operations; nothing is cut."""
    sweeper.plan()

    assert sweeper.recording.operations


@pytest.mark.timeout(DAY_S)
def test_points(sweeper: Sweeper, pytestconfig: pytest.Config) -> None:
    """One worker's share: the verdicts are judged when all workers are through."""
    sweeper.resume()
    done = sweeper.work(pytestconfig.getoption("rig_command"))

    sweeper.say(f"{done} points judged by this worker")


def judged(config: pytest.Config) -> list[dict[str, Any]]:
    folder = config.getoption("rig_report")
    if folder is None:  # nobody has swept: a bare pytest looks at what there is
        return []
    sweep_records = SweepRecords(Path(folder) / "sweep.sqlite")
    try:
        return sweep_records.points()
    finally:
        sweep_records.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each failed point a result of its own."""
    if "failure" in metafunc.fixturenames:
        bad = [point for point in judged(metafunc.config) if point["outcome"] in BAD]
        names = [f"{point['way']}:{point['plan']}" for point in bad]
        metafunc.parametrize("failure", bad, ids=names)


def test_every_cut_leaves_a_board_that_comes_back_whole(
    pytestconfig: pytest.Config, run_folder: Path, sweep_records: SweepRecords
) -> None:
    """Safety and recovery at every point, docs/explanation/fault-model.md."""
    points = judged(pytestconfig)
    for name in ("fault-map.svg", "journal.svg", "cuts.svg"):
        if (run_folder / name).exists():
            allure.attach.file(str(run_folder / name), name, allure.attachment_type.SVG)
    counts = Counter(point["outcome"] for point in points)

    assert points, "the sweep has no point"
    assert None not in counts, f"{counts[None]} points were not judged"
    assert not set(counts) & BAD, f"outcomes: {dict(counts)}"
    assert sweep_records.is_finished(), "the recovery from a cut was to be cut, too, and was not"


def test_the_long_way_agrees_with_the_short_way(
    pytestconfig: pytest.Config, settings: dict[str, Any]
) -> None:
    """The real cut leaves the flash that was recalled, and the board makes the same of it."""
    points = judged(pytestconfig)
    short = {point["plan"]: point["record"] for point in points if point["way"] == SHORT}
    long = [point for point in points if point["way"] == LONG and point["outcome"]]
    could = [p for p in points if p["way"] == SHORT and p["depth"] == 1 and p["kind"] != "unstable"]
    differing = [p["plan"] for p in long if not agrees(p["record"] or {}, short[p["plan"]] or {})]

    assert len(long) == min(settings["long"], len(could))
    assert not differing, f"{len(differing)} of {len(long)} differ: {differing[:5]}"


def test_a_point(failure: dict[str, Any]) -> None:
    """One cut after which the board was not what it must be."""
    record = failure["record"]
    lines = record.get("console") or []
    allure.attach("\n".join(lines), "console", allure.attachment_type.TEXT)

    if failure["outcome"] == Outcome.bench.value:  # broken, not failed: it is the lab's
        raise BenchError(str(record.get("error")))
    pytest.fail(
        f"{failure['outcome']}: rig replay {record.get('key')}\n"
        f"{record.get('error') or ''} {record.get('notes') or ''}"
    )
