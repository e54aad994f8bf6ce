# SPDX-License-Identifier: MIT
"""Records are whole, whatever happens, and the summary fits its schema."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.errors import BenchError
from rig.faults import Outcome
from rig.inject import StepResult
from rig.instruments.rail import Fall, RailEdge
from rig.measure import Measurement
from rig.outage import Gap
from rig.report.page import measured, write_page
from rig.report.summary import summarise, verdict
from rig.results import Results
from rig.upgrade import UpgradeRecord
from rig.watch import Floors, Outages

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "summary.schema.json"


def measurement(value: float, name: str) -> Measurement:
    return Measurement(
        name=name, value=value, unit="s", uncertainty=0.002, source=f"a {name}", taken_at_s=1.0
    )


def step(outcome: Outcome = Outcome.new, value: float = 0.6) -> StepResult:
    floors = Floors(traffic_s=0.003, counter_s=0.003, duration_s=5.0, lost=0)
    outages = Outages(
        label="upgrade",
        traffic=measurement(value, "probe"),
        counter=measurement(value, "counter"),
        frame_loss=measurement(value, "loss"),
        agreement="agree",
        loss_frames=600,
        duplicates=0,
        reordered=0,
        late=0,
        gaps=(Gap(1.0, 1.6),),
        longest=Gap(1.0, 1.6),
        recovered=True,
        floors=floors,
        releases=("1.0.0", "2.0.0"),
        notes=(),
        raw=Path("raw.npz"),
    )
    return StepResult(
        name="upgrade",
        wanted="2.0.0",
        fault="none",
        from_release="1.0.0",
        to_release="2.0.0",
        outcome=outcome,
        ended_on="done",
        outages=None if outcome is Outcome.bench else outages,
        boots=1,
        started_at_s=1e9,
        error="the lab (the bench): the PDU is gone" if outcome is Outcome.bench else None,
    )


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
    assert other.execute("SELECT name, outcome, traffic_s FROM step").fetchall() == [
        ("upgrade", "new", 0.6)
    ]


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


def cut_step(edge: RailEdge | None) -> StepResult:
    cut = step()
    cut.edge = edge
    cut.upgrade = UpgradeRecord(
        url="http://x/b",
        events=(),
        ended_on="cut",
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
    assert verdict([{"outcome": "bench"}, {"outcome": "mixed"}, {"outcome": "new"}]) == "product"


def test_a_full_disk_is_a_bench_error_and_loses_nothing(results: Results) -> None:
    """SQLite's own page limit stands for the disk's."""
    results.add_step(step())
    pages = results._database.execute("PRAGMA page_count").fetchone()[0]
    results._database.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for _ in range(200):
            results.add_step(step())

    with pytest.raises(BenchError, match="free space"):
        fill()
    assert len(Results.open(results.path).steps()) >= 1


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
    assert measured({"value_s": 0.0, "uncertainty_s": 0.005}) == "no loss (resolution 5 ms)"
