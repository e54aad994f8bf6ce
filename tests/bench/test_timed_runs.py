# SPDX-License-Identifier: MIT
"""A sweep by the clock on a board without an interposer, whose plan had been made before."""

import json
from pathlib import Path

import jsonschema
import pytest

from rig.cli.command import _parser
from rig.cli.sweep_options import settings_of
from rig.faults.plan import CutAtMark
from rig.place.place import Place
from rig.sweep.key import parse_key
from rig.sweep.point import TIMED, Point
from rig.sweep.records import SweepRecords
from rig.sweep.strata import Stratum, digest
from tests.bench.conftest import ROOT, Bench, run_rig

pytestmark = pytest.mark.timeout(300)

# Early in the update: a late cut costs a minute of the test's time.
MARKS = (CutAtMark(phase="download", event="start"), CutAtMark(phase="staging", event="start"))
DELAY_MS = 250


def plan(words: list[str], folder: Path) -> list[str]:
    """Leave a plan of two cuts in `folder`, as an uncut run would have; return them as text."""
    settings = settings_of(_parser().parse_args(words))
    strata = [Stratum(mark=mark, begin_s=0.0, length_s=1.0) for mark in MARKS]
    records = SweepRecords(folder / "sweep.sqlite")
    facts = {"strata": [stratum.to_json() for stratum in strata], "boots": 1}
    cuts = [CutAtMark(phase=mark.phase, event="start", delay_ms=DELAY_MS) for mark in MARKS]
    points = [Point(cut, TIMED, number) for number, cut in enumerate(cuts, start=1)]
    records.begin(settings, digest(strata), (), facts, 30.0, points)
    records.close()
    return [str(cut) for cut in cuts]


def test_drawn_cuts_are_made_and_measured_and_the_updater_goes_back_before_them(
    bench: Bench, tmp_path: Path
) -> None:
    with Place.open(bench.place_file(tmp_path)) as place:
        place.restore(place.catalogue.release("1.1.0"))  # the sweep is from another release
    bare, folder = bench.bare_place_file(tmp_path), tmp_path / "sweep"
    words = ["sweep", "--place", str(bare), "--from", "1.0.0", "--to", "2.0.0", "--no-allure"]
    words += ["--points", "2", "--report", str(folder)]
    cuts = plan(words, folder)

    done = run_rig(*words)

    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((folder / "sweep.json").read_text())
    schema = json.loads((ROOT / "docs" / "reference" / "sweep.schema.json").read_text())
    jsonschema.validate(summary, schema)
    assert summary["settings"]["kinds"] == ["timed"], "the default of such a place"
    assert [cut["plan"] for cut in summary["timed"]["cuts"]] == cuts, "the drawn ones, no others"
    assert summary["outcomes"] == {"old": 2}
    for cut in summary["timed"]["cuts"]:
        edge, delay_s = cut["edge"], cut["delay_s"]
        assert delay_s < edge["value_s"] + edge["uncertainty_s"]
        assert edge["value_s"] < delay_s + 5.0, "the board was still at its work"
        assert cut["release"] == "1.0.0"
        assert str(parse_key(cut["key"]).plan) == cut["plan"]
    assert not bench.board["powered"]


def test_a_cycle_needs_no_interposer_and_cuts_by_the_clock(bench: Bench, tmp_path: Path) -> None:
    bare, folder = bench.bare_place_file(tmp_path), tmp_path / "cycle"
    words = ["cycle", "--place", str(bare), "--from", "1.0.0", "--to", "2.0.0", "--cycles", "1"]
    words += ["--no-allure", "--report", str(folder), "--fault"]

    refused = run_rig(*words, "cut@op:700/before")
    done = run_rig(*words, "cut@mark:staging.write:40%+0.120s")

    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "cut@mark" in refused.stderr, "what works instead is said"
    assert done.returncode == 0, done.stdout + done.stderr
    steps = json.loads((folder / "summary.json").read_text())["steps"]
    assert [(step["outcome"], step["to"]) for step in steps] == [
        ("old", "1.0.0"),
        ("new", "2.0.0"),
        ("new", "1.0.0"),
    ]
    assert steps[0]["ended_on"] == "cut"
    assert steps[0]["operations"] is None, "nobody counted them"
    assert not bench.board["powered"]


def test_what_only_an_interposer_can_do_is_refused_at_once(bench: Bench, tmp_path: Path) -> None:
    bare = bench.bare_place_file(tmp_path)

    refused = run_rig("mismatch", "--place", str(bare), "--no-allure")

    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "has no interposer" in refused.stderr
