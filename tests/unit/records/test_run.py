# SPDX-License-Identifier: MIT
"""Records are whole, whatever happens, and the summary fits its schema."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.campaign.follower import EndedOn, UpgradeRecord
from rig.campaign.reset import Reset
from rig.campaign.step import StepResult
from rig.errors import BenchError
from rig.faults.outcome import Outcome
from rig.instruments.rail import Fall, RailEdge
from rig.measure.measurement import Measurement
from rig.records.run import Results
from rig.report.page import measured, write_page
from rig.report.summary import summarise, verdict
from rig.report.verified import reason
from rig.verification.last_record import Standing
from tests.unit.helpers import recorded

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "reference" / "summary.schema.json"


def step(outcome: Outcome = Outcome.new, value: float = 0.6) -> StepResult:
    result = recorded.step(outage_s=value)
    result.outcome = outcome
    if outcome is Outcome.bench:
        result.outages, result.error = None, "the lab (the bench): the PDU is gone"
    return result


def ended(outcome: str) -> dict[str, Any]:
    """Return what a verdict rests on, of an upgrade without a fault."""
    facts = {"fault": "none", "reset": None, "wanted": "2.0.0", "to": "2.0.0"}
    return {"outcome": outcome, **facts}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    results = Results.create(tmp_path / "results.sqlite", place="virtual", command="rig demo")
    results.add_instruments({"counter": "a counter"})
    return results


def summary_of(results: Results) -> dict[str, Any]:
    summary = json.loads(json.dumps(summarise(results)))
    jsonschema.validate(summary, json.loads(SCHEMA.read_text()))
    return dict(summary)


def test_a_step_is_on_disk_when_add_step_returns(results: Results) -> None:
    results.add_step(step())
    other = sqlite3.connect(results.path)
    found = other.execute(
        "SELECT trial.name, outcome, value, u, k, instrument FROM trial JOIN measurement"
        " ON trial.number = measurement.trial WHERE measurement.name = 'outage.counter'"
    )
    assert found.fetchall() == [("upgrade", "new", 0.6, 0.002, 2.0, "a counter")]


def test_the_summary_says_all_that_a_program_asks_for(results: Results) -> None:
    results.add_step(step())
    results.add_step(step(Outcome.bench))
    results.finish("complete")
    summary = summary_of(results)
    first, second = summary["steps"]
    assert (first["from"], first["to"], first["fault"]) == ("1.0.0", "2.0.0", "none")
    assert first["outage"]["counter"]["instrument"] == "a counter"
    assert first["outage"]["traffic"]["uncertainty_s"] == 0.002
    assert second["outage"]["traffic"] is None
    assert summary["verdict"] == "bench"


def test_impaired_answers_are_in_the_summary_and_on_the_page(results: Results) -> None:
    """RFC 6412 section 3.8: each kind by itself."""
    impaired = step()
    assert impaired.outages is not None
    impaired.outages = replace(impaired.outages, late=2, corrupted=7)
    results.add_step(impaired)
    page = results.path.with_name("index.html")
    write_page(page, summary_of(results), allure=False)

    assert summary_of(results)["steps"][0]["impaired"] == {
        "duplicates": 0,
        "reordered": 0,
        "late": 2,
        "corrupted": 7,
    }
    assert "7 answers corrupted" in page.read_text()
    assert "answers duplicates" not in page.read_text()


def test_a_run_of_an_older_rig_knows_of_no_corrupted_answers(results: Results) -> None:
    results.add_step(step())
    with sqlite3.connect(results.path) as older:
        older.execute("UPDATE trial SET record = json_remove(record, '$.outages.corrupted')")
    older.close()

    assert summary_of(results)["steps"][0]["impaired"]["corrupted"] == 0


def cut_step(edge: RailEdge | None) -> StepResult:
    cut = step()
    cut.edge = edge
    cut.upgrade = UpgradeRecord(
        url="http://x/b",
        events=(),
        ended_on=EndedOn.cut,
        refused=None,
        t1_s=None,
        t2_s=None,
        t3_s=None,
        boots=0,
    )
    return cut


def test_a_cut_without_an_interposer_is_recorded_with_the_rails_edge(results: Results) -> None:
    voltage = Measurement(
        name="supply.voltage",
        value=0.31,
        unit="V",
        uncertainty=0.005,
        source="a supply",
        taken_at_s=7.0,
    )
    fall = Fall(above_s=6.98, below_s=7.0, voltage=voltage)
    results.add_step(cut_step(fall.since(6.5)))
    results.add_step(cut_step(None))
    results.add_step(step())
    page = results.path.with_name("index.html")
    write_page(page, summary_of(results), allure=False)
    timed, unmeasured, uncut = (item["cut"] for item in summary_of(results)["steps"])

    assert timed["kind"] == "timed"
    assert timed["operation"] is timed["sha256_after"] is None
    assert timed["edge"]["delay_s"] == pytest.approx(0.49)
    assert timed["edge"]["uncertainty_s"] == pytest.approx(0.011547)
    assert (timed["edge"]["voltage_v"], timed["edge"]["threshold_v"]) == (0.31, 4.5)
    assert timed["edge"]["instrument"] == "a supply"
    assert unmeasured["kind"] == "timed"
    assert unmeasured["edge"] is None
    assert uncut is None
    assert "the rail fell 0.4900 ± 0.0115 s after the line" in page.read_text()


def test_a_run_without_steps_is_not_good(results: Results) -> None:
    assert summary_of(results)["verdict"] == "empty"


def test_a_product_failure_is_not_hidden_by_a_bench_failure() -> None:
    assert verdict([ended("bench"), ended("mixed"), ended("new")]) == "product"


def test_an_upgrade_that_fell_back_without_a_fault_is_a_product_failure() -> None:
    fell = ended("old") | {"to": "1.0.0"}

    assert verdict([ended("new"), fell]) == "product"
    assert verdict([ended("new"), fell | {"fault": "cut@op:7/after"}]) == "good"
    assert verdict([ended("new"), fell | {"reset": "power", "wanted": "1.0.0"}]) == "good"


def test_a_full_disk_is_a_bench_error_and_loses_nothing(results: Results) -> None:
    """SQLite's own page limit stands for the disk's."""
    results.add_step(step())
    with results.database.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    done = 1

    def fill() -> None:
        nonlocal done
        for _ in range(200):
            results.add_step(step())
            done += 1

    with pytest.raises(BenchError, match="free space"):
        fill()
    assert len(Results.open(results.path).steps()) == done


def test_the_page_needs_no_network_and_shows_each_step(results: Results, tmp_path: Path) -> None:
    results.add_step(step())
    results.add_step(step(Outcome.bricked, 30.0))
    page = tmp_path / "index.html"
    write_page(page, summary_of(results), allure=False)
    text = page.read_text()
    assert text.count('class="chip') == 2
    assert "Product failure" in text
    assert "600.0 ± 2.0 ms" in text
    assert 'src="http' not in text
    assert 'href="http' not in text


def test_no_loss_is_shown_with_its_resolution() -> None:
    value = {"value_s": 0.0, "uncertainty_s": 0.005, "verified": True}
    assert measured(value) == "no loss (resolution 5 ms)"


def test_every_number_of_a_place_that_is_not_verified_carries_the_mark(
    results: Results, tmp_path: Path
) -> None:
    results.add_verification(Standing(verified=False, reason="the place was never verified"))
    results.add_step(step())
    summary = summary_of(results)
    page = tmp_path / "index.html"
    write_page(page, summary, allure=False)

    outage = summary["steps"][0]["outage"]
    views = [outage[view] for view in ("traffic", "counter", "frame_loss")]
    assert [view["verified"] for view in views] == [False] * 3
    assert measured(views[0]) == "600.0 ± 2.0 ms (not verified)"
    assert "the place was never verified" in page.read_text()
    assert page.read_text().count("ms (not verified)") == 2 + 3, "two in the table, three budgets"


def test_verified_numbers_carry_none_and_the_budget_is_shown(
    results: Results, tmp_path: Path
) -> None:
    results.add_verification(Standing(verified=True, reason="", when="2026-11-25T12:00:00+00:00"))
    results.add_step(step())
    summary = summary_of(results)
    page = tmp_path / "index.html"
    write_page(page, summary, allure=False)

    (item,) = summary["steps"][0]["outage"]["counter"]["budget"]
    assert item["u_s"] == pytest.approx(1e-3 / 6**0.5)
    assert "not verified" not in page.read_text()
    assert "Uncertainty budget: counter, upgrade" in page.read_text()
    assert "2026-11-25" in page.read_text()


@pytest.mark.parametrize(
    ("views", "marks"),
    [
        (None, [True, True, True]),
        (["traffic", "counter"], [True, True, True]),
        (["traffic"], [True, False, True]),
        (["counter"], [False, True, False]),
    ],
)
def test_each_view_is_verified_for_itself(
    results: Results, tmp_path: Path, views: list[str] | None, marks: list[bool]
) -> None:
    standing = {"verified": True, "reason": "", "when": "2026-11-25T12:00:00+00:00"}
    results.add_verification(standing | ({"views": views} if views else {}))
    results.add_step(step())
    summary = summary_of(results)
    page = tmp_path / "index.html"
    write_page(page, summary, allure=False)

    outage = summary["steps"][0]["outage"]
    assert [outage[view]["verified"] for view in ("traffic", "counter", "frame_loss")] == marks
    assert [row["verified"] for row in summary["statistics"]] == marks[:2]
    assert ("the verification was not of" in page.read_text()) is not all(marks)


def test_a_run_without_a_counter_needs_none_verified() -> None:
    of_traffic = {"verified": True, "reason": "", "views": ["traffic"]}

    assert reason(of_traffic, {"traffic": "a probe"}) == ""
    assert reason(of_traffic, {"traffic": "a probe", "counter": "c"}).endswith("not of: counter")


def test_raw_data_are_held_against_the_hash_of_when_they_were_written(tmp_path: Path) -> None:
    results = recorded.recorded_night(tmp_path / "results.sqlite", 3)
    written = [step["raw"] for step in summary_of(results)["steps"]]
    (tmp_path / written[0]["file"]).write_bytes(b"tampered")
    (tmp_path / written[1]["file"]).unlink()
    found = [step["raw"] for step in summary_of(results)["steps"]]
    page = tmp_path / "index.html"
    write_page(page, summary_of(results), allure=False)

    assert [raw["state"] for raw in written] == ["as recorded"] * 3
    assert [raw["state"] for raw in found] == ["changed", "missing", "as recorded"]
    assert [raw["sha256"] for raw in found] == [raw["sha256"] for raw in written]
    assert page.read_text().count("its raw data changed since they were recorded") == 1


@pytest.mark.parametrize(
    ("changes", "view"),
    [
        ({}, "traffic"),
        (
            {"counter": replace(recorded.measured("outage.counter", 0.6), uncertainty=1e-4)},
            "counter",
        ),
        ({"counter": None, "agreement": "traffic only"}, "traffic"),
        ({"agreement": "unclear"}, None),
    ],
)
def test_one_view_of_an_outage_is_quoted_where_both_agree(
    results: Results, tmp_path: Path, changes: dict[str, Any], view: str | None
) -> None:
    trial = step()
    assert trial.outages is not None
    trial.outages = replace(trial.outages, **changes)
    results.add_step(trial)
    summary = summary_of(results)
    page = tmp_path / "index.html"
    write_page(page, summary, allure=False)

    found = summary["steps"][0]["outage"]["quoted"]
    assert found["view"] == view
    assert f"{view or 'none'} quoted: {found['why']}" in page.read_text()


def test_a_run_of_an_older_rig_is_not_verified(results: Results) -> None:
    results.add_step(step())
    summary = summary_of(results)
    assert summary["verification"] is None
    assert not summary["steps"][0]["outage"]["traffic"]["verified"]


def test_resets_of_different_kinds_are_not_one_sample(results: Results) -> None:
    for what, value in ((Reset.process, 1.0), (Reset.power, 16.0)):
        trial = step(value=value)
        trial.reset = what
        results.add_step(trial)

    rows = [row for row in summary_of(results)["statistics"] if row["view"] == "traffic"]

    assert [(row["reset"], row["median_s"]) for row in rows] == [("process", 1.0), ("power", 16.0)]
