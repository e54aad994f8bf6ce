# SPDX-License-Identifier: MIT
"""A sweep's report counts what was judged, fits its schema, and hides no failure."""

import json
import re
import sqlite3
from pathlib import Path

import jsonschema
import pytest

from rig.board.flash_map import FlashMap
from rig.faults.plan import CutAtOperation, Kind
from rig.report.fault_map import LABELS_MAX, fault_map
from rig.report.journal import journal_timeline
from rig.report.sweep import agrees, build
from rig.sweep.operations import cuts, label
from rig.sweep.point import LONG, SHORT, Point
from rig.sweep.records import SweepRecords
from tests.unit.helpers.recorded import judge

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs" / "reference" / "sweep.schema.json").read_text())
SETTINGS = {
    "what": "upgrade",
    "old": "1.0.0",
    "old_hash": "a",
    "new": "2.0.0",
    "new_hash": "b",
    "points": "all",
    "kinds": ["torn", "after"],
    "seed": 1,
    "nested": 1,
    "long": 1,
}
SHA256 = "5a" * 32
KEY = "walnut1/upgrade/1.0.0@aa/2.0.0@bb/cut@op:1/torn:seed=1"


def judged(
    records: SweepRecords, cut: CutAtOperation, outcome: str, way: str = SHORT, flash: str = ""
) -> None:
    record = {"key": KEY, "flash_sha256": SHA256, "outcome": outcome}
    judge(records, Point(cut, way), outcome, record, flash=flash or str(cut))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    flash_map = FlashMap.load()
    slot, env = (flash_map.partition(name).offset for name in ("slot-b", "env"))
    journal = [(1, "ERASE", slot, 65536, "a"), (2, "PROGRAM", env, 512, "b")]
    records = SweepRecords(tmp_path / "sweep.sqlite")
    heard = [(1, "run.start")]
    recording = {"heard": heard, "times_s": [0.5, 1.5]}
    operations = label(journal, heard, flash_map)
    first, second, third, fourth = cuts([1, 2], [Kind.torn, Kind.after], 1)
    points = [Point(cut, SHORT) for cut in (first, second, third, fourth)]
    points.append(Point(second, LONG))
    records.begin(SETTINGS, "0" * 64, operations, recording, 1.0, points)
    judged(records, first, "mixed")
    judged(records, second, "old")
    judged(records, third, "new")
    judged(records, second, "old", LONG)
    records.close()
    return tmp_path


def test_the_summary_fits_its_schema_and_counts_what_there_is(folder: Path) -> None:
    summary = build(folder)

    jsonschema.validate(json.loads((folder / "sweep.json").read_text()), SCHEMA)
    assert (summary["points"], summary["judged"]) == (5, 4)
    assert summary["outcomes"] == {"mixed": 1, "new": 1, "old": 2}
    assert [failure["key"] for failure in summary["failures"]] == [KEY]
    assert summary["long"] == {"points": 1, "differing": []}
    (failure,) = summary["failures"]
    assert failure["flash_sha256"] == SHA256, "as `rig replay` prints it"
    assert failure["flash_digest"] == failure["plan"]


def test_a_flash_is_one_trial_however_many_points_share_it(folder: Path) -> None:
    """Two cuts left the flash of the fourth point; the real cut repeats one of them."""
    assert build(folder)["trials"] == 3
    records = SweepRecords(folder / "sweep.sqlite")
    first, _, _, fourth = cuts([1, 2], [Kind.torn, Kind.after], 1)
    judged(records, fourth, "old", flash=str(first))
    records.close()

    summary = build(folder)

    assert summary["judged"] == 5
    assert {row["outcome"]: row["count"] for row in summary["shares"]} == {
        "mixed": 1,
        "new": 1,
        "old": 1,
    }, "the worse of two looks at one flash counts"
    assert summary["upper_bound"] == pytest.approx(0.8647, abs=1e-4)
    assert "the 3 different flashes" in (folder / "index.html").read_text()


def test_a_sweep_is_not_called_whole_before_its_recoveries_are_cut(folder: Path) -> None:
    records = SweepRecords(folder / "sweep.sqlite")
    points = [Point(cut, SHORT) for cut in cuts([1, 2], [Kind.torn, Kind.after], 1)]
    for point in points:
        judge(records, point, "old", {"key": KEY, "flash_sha256": SHA256, "outcome": "old"})
    for point in points[1:]:
        records.nested_done(point, 0)
    assert "not finished" in build_page(folder)

    records.nested_done(points[0], 2)

    assert "every cut survived" in build_page(folder)


def test_the_pace_is_told_in_boots_of_the_time_that_the_command_ran(folder: Path) -> None:
    assert "boots a minute" not in build_page(folder), "an older rig noted no time"
    with sqlite3.connect(folder / "sweep.sqlite") as database:
        database.execute("INSERT INTO run VALUES (1, 0.0, 60.0), (2, 1000.0, 1060.0)")
        database.execute("UPDATE point SET shared = 1 WHERE number = 2")

    page = build_page(folder)

    assert build(folder)["wall_s"] == 120.0
    assert "<b>2 min</b> at 1.5 boots a minute,<br>2 verdicts" in page


def build_page(folder: Path) -> str:
    build(folder)
    return (folder / "index.html").read_text()


def test_the_page_shows_the_failure_with_its_key_and_is_not_green(folder: Path) -> None:
    build(folder)

    page = (folder / "index.html").read_text()
    assert '<body class="bad">' in page
    assert "var(--mixed, " in page, "figures follow the page, dark or light"
    assert KEY in page
    assert "&lt;b&gt;" in page, "what a board said is shown, not run"
    assert 'src="http' not in page


@pytest.mark.parametrize("name", ["fault-map.svg", "journal.svg"])
def test_a_figure_is_the_same_for_the_same_records(folder: Path, name: str) -> None:
    build(folder)
    first = (folder / name).read_bytes()
    build(folder)
    assert (folder / name).read_bytes() == first
    assert b"var(" not in first, "a file of its own is for programs that know no CSS, too"


def test_the_fault_map_has_a_panel_for_each_partition_of_a_phase_and_names_what_failed(
    folder: Path,
) -> None:
    records = SweepRecords(folder / "sweep.sqlite")

    picture = fault_map(records.operations(), records.points())

    told = [" ".join(text.split()) for text in re.findall(r"<text [^>]*>(.*?)</text>", picture)]
    assert {"staging erase: operation 1", "commit: operation 2", "slot-b", "env"} <= set(told)
    assert {"old", "new", "mixed", "torn", "after"} <= set(told), "legends"
    assert told.count("op:1/torn:seed=1") == 1
    assert "before" not in told, "no such cut was made"


def test_bad_outcomes_beyond_a_readable_number_are_counted_not_named(folder: Path) -> None:
    operations = SweepRecords(folder / "sweep.sqlite").operations()
    points = [
        {
            "plan": f"cut@op:1/torn:seed={seed}",
            "way": SHORT,
            "number": 1,
            "kind": "torn",
            "depth": 1,
            "outcome": "bricked" if seed < LABELS_MAX + 4 else "bench",
        }
        for seed in range(1, LABELS_MAX + 6)
    ]

    picture = fault_map(operations, points)

    assert len(re.findall(r">op:1/torn:seed=\d+</text>", picture)) == LABELS_MAX
    assert "3 more bad outcomes: listed below" in picture


def test_the_timeline_names_what_the_board_said_once_for_what_lies_together(folder: Path) -> None:
    heard = [(0, "download.start"), (1, "staging.progress"), (1, "run.start"), (2, "run.commit")]
    operations = SweepRecords(folder / "sweep.sqlite").operations()

    picture = journal_timeline(operations, [1.0, 1.001], heard)

    told = re.findall(r"<text [^>]*>(.*?)</text>", picture)
    assert "download.start" in told
    assert "run.start · run.commit" in told
    assert not any("progress" in text for text in told)
    assert {"slot-b", "env", "erase, 1", "program, 1"} <= set(told)


def test_a_real_cut_that_left_another_flash_or_another_board_differs() -> None:
    short = {"flash_sha256": "f", "release": "1.0.0", "outcome": "old"}
    assert agrees(dict(short), short)
    assert not agrees(short | {"flash_sha256": "g"}, short)
    assert not agrees(short | {"release": "2.0.0"}, short)
    assert not agrees(short | {"outcome": "recovered"}, short)
    unknown = short | {"flash_sha256": None}
    assert not agrees(unknown, dict(unknown))
