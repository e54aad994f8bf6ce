# SPDX-License-Identifier: MIT
"""Records are whole, whatever happens, and the summary fits its schema."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.budget import Contribution
from rig.calibration import Standing
from rig.errors import BenchError
from rig.faults import Outcome
from rig.inject import StepResult
from rig.measure import Measurement
from rig.outage import Gap
from rig.report.page import measured, write_page
from rig.report.summary import summarise, verdict
from rig.results import Results
from rig.watch import Floors, Outages

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "summary.schema.json"


def measurement(value: float, name: str) -> Measurement:
    return Measurement(
        name=name,
        value=value,
        unit="s",
        uncertainty=0.002,
        source=f"a {name}",
        taken_at_s=1.0,
        budget=(Contribution("datagram period", 1e-3, "triangular", "both ends"),),
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


def test_a_run_of_an_older_rig_is_not_verified(results: Results) -> None:
    results._database.execute("DROP TABLE verification")
    results.add_step(step())
    summary = summary_of(results)
    assert summary["verification"] is None
    assert not summary["steps"][0]["outage"]["traffic"]["verified"]
