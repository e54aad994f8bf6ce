# SPDX-License-Identifier: MIT
"""Figures of an older rig are made anew from its raw times; what cannot be is said to be old."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from rig.instruments import traffic_process
from rig.instruments.traffic import RECORD
from rig.records import schema
from rig.records.run import Results
from rig.report.remeasured import PROBE
from rig.report.summary import summarise
from tests.unit.helpers import recorded

PERIOD_S = 1e-3
OPENED_S = 100.0
OUT, AGAIN = (101.0, 104.5), (108.9, 109.01)  # one of 8.01 s, said the older rig
END_S = 116.0
METHOD = "G - P (RFC 6201 timestamp method), G = 8.010000 s, k = 2"


def stream() -> Any:
    times = np.arange(OPENED_S - 1.0, END_S, PERIOD_S)
    for from_s, to_s in (OUT, AGAIN):
        times = times[(times < from_s) | (times >= to_s)]
    return times


def old_run(folder: Path, *, stalled: bool = False) -> Results:
    """Record a step as the older rig did: one length, and no time to settle."""
    raw = folder / "raw" / "outage-1.npz"
    raw.parent.mkdir()
    due_s = stream()
    np.savez(
        raw,
        sequence=np.round((due_s - OPENED_S + 1.0) / PERIOD_S).astype(np.uint64),
        sent_s=due_s,
        received_s=due_s + 3e-4,
        good=np.ones(due_s.size, dtype=np.bool_),
        heartbeat_s=due_s,
        opened_s=OPENED_S,
    )
    records = np.zeros(2, dtype=RECORD)
    records["kind"] = (traffic_process.BEGIN, traffic_process.SKIPPED)
    records["at_s"] = (OPENED_S - 1.0, AGAIN[0])
    records["sequence"][1] = round((AGAIN[0] - OPENED_S + 1.0) / PERIOD_S)
    records["counter"][1] = round((AGAIN[1] - AGAIN[0]) / PERIOD_S)
    records[: 2 if stalled else 1].tofile(raw.with_name(PROBE))
    results = Results.create(folder / "results.sqlite", place="virtual", command="rig reset")
    results.add_step(recorded.step(outage_s=8.01, raw=raw))
    _make_old(results)
    return results


def _make_old(results: Results) -> None:
    with results.database.transaction() as connection:
        record = json.loads(str(connection.execute(sa.select(schema.trial.c.record)).scalar()))
        outages = record["outages"]
        del outages["settling"], outages["counter_settling"]
        for view in ("traffic", "counter"):
            outages[view] |= {"method": METHOD, "taken_at_s": END_S}
        connection.execute(schema.trial.update().values(record=json.dumps(record)))


def test_what_was_one_length_is_an_outage_and_a_time_to_settle(tmp_path: Path) -> None:
    (step,) = summarise(old_run(tmp_path))["steps"]

    for view in ("traffic", "counter"):
        outage, settle = step["outage"][view], step["settle"][view]
        assert abs(outage["value_s"] - (OUT[1] - OUT[0])) <= outage["uncertainty_s"] + PERIOD_S
        assert settle["value_s"] == pytest.approx(AGAIN[1] - OUT[0], abs=3 * PERIOD_S)
        assert settle["silences"] == 1
    assert step["outage"]["agreement"] == "agree"
    assert any(note.startswith("made anew from the raw times") for note in step["notes"])
    assert any(note.startswith("the service came and went") for note in step["notes"])


def test_a_stall_that_the_probe_wrote_down_joins_nothing(tmp_path: Path) -> None:
    (step,) = summarise(old_run(tmp_path, stalled=True))["steps"]
    assert step["settle"]["traffic"]["silences"] == step["settle"]["counter"]["silences"] == 0


def test_without_its_raw_times_an_old_figure_stays_and_says_what_it_is(tmp_path: Path) -> None:
    results = old_run(tmp_path)
    (tmp_path / "raw" / "outage-1.npz").unlink()

    (step,) = summarise(results)["steps"]

    assert step["outage"]["traffic"]["value_s"] == 8.01
    assert step["settle"] == {"traffic": None, "counter": None, "settled": True}
    assert any("silences within five seconds are in the outage" in note for note in step["notes"])


def test_a_run_of_this_rig_is_left_alone(tmp_path: Path) -> None:
    results = Results.create(tmp_path / "results.sqlite", place="virtual", command="rig cycle")
    results.add_step(recorded.step())
    (step,) = summarise(results)["steps"]
    assert step["notes"] == []
    assert step["outage"]["traffic"]["value_s"] == 1.7
