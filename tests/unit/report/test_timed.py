# SPDX-License-Identifier: MIT
"""The report of a sweep by the clock: what its page and JSON say of strata, edges and failures."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.faults.plan import CutAtMark
from rig.report.sweep import build
from rig.sweep.point import TIMED, Point
from rig.sweep.records import SweepRecords
from rig.sweep.strata import Line, digest, strata_of
from tests.unit.helpers.recorded import judge

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs" / "reference" / "sweep.schema.json").read_text())
SETTINGS = {
    "what": "upgrade",
    "old": "1.0.0",
    "old_hash": "a",
    "new": "2.0.0",
    "new_hash": "b",
    "points": "4:7",
    "kinds": ["timed"],
    "seed": 1,
    "nested": 1,
    "long": 0,
}
KEY = "walnut1/upgrade/1.0.0@aa/2.0.0@bb/cut@mark:run.start+0.040s"
SAID = ((0.0, "download", "start"), (2.0, "staging", "done"), (2.5, "run", "start"))


def edge(value_s: float) -> dict[str, Any]:
    return {"delay": {"value": value_s, "uncertainty": 0.002}}


def judged(records: SweepRecords, point: Point, outcome: str, delay: dict[str, Any] | None) -> None:
    judge(records, point, outcome, {"key": KEY, "edge": delay, "error": None})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [Line(at_s=at_s, phase=phase, event=event, keys={}) for at_s, phase, event in SAID]
    strata = strata_of(lines, "upgrade")
    facts = {"strata": [stratum.to_json() for stratum in strata], "boots": 1}
    records = SweepRecords(tmp_path / "sweep.sqlite")
    points = [
        Point(CutAtMark(phase=phase, event=event, delay_ms=40), TIMED, number)
        for number, (_, phase, event) in enumerate(SAID, start=1)
    ]
    points.append(Point(CutAtMark(phase="run", event="start", delay_ms=90), TIMED, 3))
    records.begin(SETTINGS, digest(strata), (), facts, 30.0, points)
    judged(records, points[0], "old", edge(0.043))
    judged(records, points[1], "old", None)
    judged(records, points[2], "mixed", edge(0.045))
    records.close()
    return tmp_path


def test_the_summary_fits_its_schema_and_counts_what_there_is(folder: Path) -> None:
    summary = build(folder)
    timed = summary["timed"]

    jsonschema.validate(json.loads((folder / "sweep.json").read_text()), SCHEMA)
    assert [(row["band"], row["cuts"]) for row in timed["bands"]] == [
        ("download", 1),
        ("commit", 3),
    ]
    assert timed["bands"][1]["outcomes"] == {"mixed": 1, "old": 1}
    assert [(row["outcome"], row["count"]) for row in summary["shares"]] == [
        ("mixed", 1),
        ("old", 2),
    ]
    assert all(row["low"] < row["share"] < row["high"] for row in summary["shares"])


def test_a_cut_lies_where_the_rail_fell_and_without_an_edge_where_it_was_planned(
    folder: Path,
) -> None:
    timed = build(folder)["timed"]

    assert [cut["at_s"] for cut in timed["cuts"]] == [0.043, 2.04, 2.545, 2.59]
    assert timed["edges"]["measured"] == 2
    assert timed["edges"]["late_s_max"] == pytest.approx(0.005)


def test_the_page_shows_the_failure_with_its_replay_and_is_not_green(folder: Path) -> None:
    build(folder)

    page = (folder / "index.html").read_text()
    assert '<body class="bad">' in page
    assert f"rig replay &#39;{KEY}&#39;" in page or f"rig replay '{KEY}'" in page
    assert "&lt;b&gt;" in page, "what a board said is shown, not run"
    assert "3 of 4 points are judged" in page
    assert "fault-map.svg" not in page


def test_the_picture_has_bands_outcomes_and_the_bad_cut_by_name(folder: Path) -> None:
    build(folder)
    first = (folder / "cuts.svg").read_text()
    build(folder)

    assert (folder / "cuts.svg").read_text() == first, "the same records, the same picture"
    for text in ("download", "commit", "old", "mixed", "not cut yet", "run.start+0.040s"):
        assert f">{text}</text>" in first
