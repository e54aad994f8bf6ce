# SPDX-License-Identifier: MIT
"""A place's limits: what covers what, and how a run's figures are judged and shown."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.campaign.reset import Reset
from rig.campaign.step import StepResult
from rig.faults.outcome import Outcome
from rig.measure.limits import FigureLimit, complaints
from rig.measure.measurement import Measurement
from rig.outage.result import Agreement
from rig.place.topology import PLACE_FILE
from rig.records.run import Results
from rig.report.page import write_page
from rig.report.rfc import write
from rig.report.summary import summarise
from tests.unit.helpers import recorded

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"
PLACE = {"board": "a board", "parts": [], "load": {}}
LOAD = {"protocol": "UDP", "rate_hz": 1000.0, "request_octets": 78, "answer_octets": 1, "bps": 1.0}
UP: dict[str, Any] = {"figure": "outage.traffic", "max_s": 2.0, "source": "REQ-1"}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results.create(tmp_path / "results.sqlite", place="virtual", command="rig cycle")


def summary_with(results: Results, *limits: dict[str, Any]) -> dict[str, Any]:
    """Return the summary of a run whose place has these limits; it fits its schema."""
    described = PLACE | {"load": LOAD, "limits": list(limits)}
    (results.folder / PLACE_FILE).write_text(json.dumps(described))
    summary = json.loads(json.dumps(summarise(results)))
    jsonschema.validate(summary, json.loads((REFERENCE / "summary.schema.json").read_text()))
    return dict(summary)


def verdict(results: Results, limit: dict[str, Any]) -> str:
    (found,) = summary_with(results, limit)["limits"]
    return str(found["verdict"])


@pytest.mark.parametrize(
    ("changes", "start", "end", "reset", "covered"),
    [
        ({}, "1.0.0", "2.0.0", None, True),
        ({}, "1.0.0", "1.0.0", "power", False),
        ({"direction": "up"}, "1.9.0", "1.10.0", None, True),
        ({"direction": "up"}, "1.10.0", "1.9.0", None, False),
        ({"direction": "down"}, "2.0.0", "1.0.0", None, True),
        ({"direction": "down"}, "1.0.0", "2.0.0", None, False),
        ({"from": "1.0.0", "to": "2.0.0"}, "1.0.0", "2.0.0", None, True),
        ({"from": "1.0.0"}, "2.0.0", "1.0.0", None, False),
        ({"to": "1.0.0"}, "1.0.0", "2.0.0", None, False),
        ({"reset": "power"}, "1.0.0", "1.0.0", "power", True),
        ({"reset": "power"}, "1.0.0", "1.0.0", "os", False),
        ({"reset": "power"}, "1.0.0", "2.0.0", None, False),
    ],
)
def test_a_limit_covers_what_it_names(
    changes: dict[str, Any], start: str, end: str, reset: str | None, *, covered: bool
) -> None:
    assert FigureLimit.parse(UP | changes).covers(start, end, reset) is covered


def test_a_limit_says_what_it_covers() -> None:
    assert FigureLimit.parse(UP).covered == "upgrades"
    both = FigureLimit.parse(UP | {"direction": "up", "from": "1.0.0", "to": "2.0.0"})
    assert both.covered == "upgrades up from 1.0.0 to 2.0.0"
    assert FigureLimit.parse(UP | {"reset": "os"}).covered == "os resets"


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ({"figure": "T1"}, ": a list of limits"),
        (["T1"], "[1]: a limit is a mapping"),
        ([UP, {"figure": "T1", "max_s": 1.0}], "[2]: source is missing"),
        ([UP | {"figure": "T5"}], "[1]: figure: 'T5' is none of outage.traffic"),
        ([UP | {"max_s": "2"}], "[1]: max_s: '2' is no number of seconds"),
        ([UP | {"max_s": float("inf")}], "[1]: max_s: inf is no number"),
        ([UP | {"max_s": 0}], "[1]: max_s: 0 is no number"),
        ([UP | {"max_s": True}], "[1]: max_s: True is no number"),
        ([UP | {"source": ""}], "[1]: source: '' is no text"),
        ([UP | {"from": 1.0}], "[1]: from: 1.0 is no text"),
        ([UP | {"min_s": 1.0}], "[1]: min_s: unknown key"),
        ([UP | {"reset": "os", "direction": "up"}], "[1]: reset: a reset has no direction"),
        ([UP | {"reset": "os", "figure": "T2"}], "[1]: reset: a reset has no direction"),
    ],
)
def test_a_limit_that_cannot_be_read_is_named(entries: object, complaint: str) -> None:
    (found,) = complaints(entries)
    assert found.startswith(complaint)


@pytest.mark.parametrize(
    ("outage_s", "wanted"),
    [(1.9979, "passed"), (1.999, "unclear"), (2.001, "unclear"), (2.0021, "failed")],
)
def test_a_limit_inside_value_and_uncertainty_is_unclear(
    results: Results, outage_s: float, wanted: str
) -> None:
    """The recorded outage has an uncertainty of 2 ms."""
    results.add_step(recorded.step(outage_s=outage_s))

    summary = summary_with(results, UP)

    assert summary["limits"][0]["verdict"] == wanted
    assert summary["verdict"] == ("product" if wanted == "failed" else "good")


def test_one_trial_that_fails_fails_the_limit(results: Results) -> None:
    for outage_s in (1.0, 3.0, 1.0):
        results.add_step(recorded.step(outage_s=outage_s))

    (found,) = summary_with(results, UP)["limits"]

    assert [trial["verdict"] for trial in found["trials"]] == ["passed", "failed", "passed"]
    assert found["verdict"] == "failed"


def without_outage(trial: StepResult) -> None:
    trial.outages = None


def disagreeing(trial: StepResult) -> None:
    assert trial.outages is not None
    trial.outages = replace(trial.outages, agreement=Agreement.unclear)


def bricked(trial: StepResult) -> None:
    trial.outcome = Outcome.bricked


@pytest.mark.parametrize("change", [without_outage, disagreeing, bricked])
def test_a_figure_that_proves_nothing_is_unclear(results: Results, change: Any) -> None:
    trial = recorded.step(outage_s=1.0)
    assert verdict_of(results, trial) == "passed"
    change(trial)
    assert verdict_of(results, trial) == "unclear"


def verdict_of(results: Results, trial: StepResult) -> str:
    """Return the verdict on the last of the steps so far."""
    results.add_step(trial)
    return str(summary_with(results, UP)["limits"][0]["trials"][-1]["verdict"])


def test_a_step_under_a_fault_is_not_judged(results: Results) -> None:
    trial = recorded.step(outage_s=30.0)
    trial.fault = "cut@op:7/after"
    results.add_step(trial)

    assert summary_with(results, UP)["limits"] == []


def test_phases_are_judged_by_their_value(results: Results) -> None:
    results.add_step(recorded.step())

    (trial,) = summary_with(results, UP | {"figure": "T4", "max_s": 41.7})["limits"][0]["trials"]

    assert (trial["value_s"], trial["uncertainty_s"]) == (pytest.approx(41.7), None)
    assert verdict(results, UP | {"figure": "T1", "max_s": 34.5}) == "passed"
    assert verdict(results, UP | {"figure": "T1", "max_s": 33.5}) == "failed"


def test_the_time_without_power_is_taken_off_before_a_reset_is_judged(results: Results) -> None:
    trial = recorded.step(outage_s=16.5)
    trial.reset, trial.wanted, trial.from_release = Reset.power, "2.0.0", "2.0.0"
    trial.power_gone = Measurement(
        name="power.gone", value=15.0, unit="s", uncertainty=0.1, source="a supply", taken_at_s=0.0
    )
    results.add_step(trial)
    limit = UP | {"reset": "power"}

    assert verdict(results, limit) == "passed"
    assert verdict(results, limit | {"max_s": 1.45}) == "unclear"
    assert verdict(results, limit | {"max_s": 1.3}) == "failed"


def test_the_time_to_settle_has_a_limit_of_its_own(results: Results) -> None:
    trial = recorded.step()
    assert trial.outages is not None
    slow = replace(recorded.settling("settle.traffic", 9.0), silences=3, silences_s=2.0)
    trial.outages = replace(trial.outages, settling=slow)
    results.add_step(trial)

    assert verdict(results, UP | {"figure": "settle.traffic", "max_s": 5.0}) == "failed"
    assert verdict(results, UP | {"figure": "settle.traffic", "max_s": 10.0}) == "passed"
    assert verdict(results, UP | {"figure": "settle.counter", "max_s": 5.0}) == "passed"
    assert verdict(results, UP | {"figure": "outage.traffic", "max_s": 5.0}) == "passed"


def test_a_service_that_had_not_settled_passes_no_limit_on_it(results: Results) -> None:
    trial = recorded.step()
    assert trial.outages is not None
    trial.outages = replace(trial.outages, recovered=False)
    results.add_step(trial)

    assert verdict(results, UP | {"figure": "settle.traffic", "max_s": 5.0}) == "unclear"
    assert verdict(results, UP | {"figure": "settle.traffic", "max_s": 1.0}) == "failed"


def test_pages_and_reports_show_verdict_and_source(results: Results) -> None:
    results.add_step(recorded.step(outage_s=3.0))
    summary = summary_with(results, UP | {"direction": "up", "source": "REQ-17 <b>"})
    folder = results.folder
    write_page(folder / "index.html", summary, allure=False)
    write(folder, summary)
    report = json.loads((folder / "rfc7654.json").read_text())
    jsonschema.validate(report, json.loads((REFERENCE / "rfc7654.schema.json").read_text()))

    assert report["limits"] == summary["limits"]
    for name in ("index.html", "rfc7654.html"):
        page = (folder / name).read_text()
        assert '<b class="failed">failed</b>' in page
        assert "upgrades up, 1 trial<" in page
        assert "REQ-17 &lt;b&gt;" in page


def test_a_run_of_a_place_without_limits_says_nothing_of_them(results: Results) -> None:
    results.add_step(recorded.step())
    summary = json.loads(json.dumps(summarise(results)))
    write_page(results.folder / "index.html", summary, allure=False)

    assert summary["limits"] == []
    assert "<h2>Limits" not in (results.folder / "index.html").read_text()
