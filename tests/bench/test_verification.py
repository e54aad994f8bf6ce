# SPDX-License-Identifier: MIT
"""A verification on the virtual bench: a handful of short gaps, and what is left behind."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.bench.conftest import ROOT, Bench, run_rig

pytestmark = pytest.mark.timeout(120)

SCHEMA = ROOT / "docs" / "reference" / "calibration.schema.json"
BUSY_S = 0.2  # what this computer may add when others keep it busy


def test_a_verification_measures_known_gaps_and_leaves_a_record(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight gaps show nothing yet, so the place stays unverified and is refused."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = bench.place_file(tmp_path)
    report = tmp_path / "report"
    lengths = ("--gaps", 8, "--from-s", 0.05, "--to-s", 0.5)

    done = run_rig("verify-measurement", "--place", place, *lengths, "--report", report)
    refused = run_rig(
        *("cycle", "--place", place, "--from", "1.0.0", "--to", "2.0.0", "--require-verified")
    )

    assert done.returncode == 3, done.stdout + done.stderr
    record = json.loads((report / "verification.json").read_text())
    jsonschema.validate(record, json.loads(SCHEMA.read_text()))
    kept = tmp_path / "state" / "walnut-rig" / "calibration" / "place.json"
    assert json.loads(kept.read_text()) == record
    assert record["views"] == ["traffic", "counter"]
    assert record["verdict"] in {"unclear", "failed"}
    assert any("59 are needed" in reason for reason in record["reasons"])
    assert "GATE" in record["instruments"]["reference"]
    for view in ("traffic", "counter", "frame loss"):
        seen = [trial for trial in record["trials"] if trial["view"] == view]
        assert len(seen) == 8
        for trial in seen:
            assert trial["length_s"] <= trial["true_s"] + 1e-3 <= trial["length_s"] + BUSY_S
            if trial["event"]:
                assert abs(trial["value_s"] - trial["true_s"]) <= trial["uncertainty_s"] + BUSY_S
    assert "coverage" in done.stdout
    assert refused.returncode == 3
    assert "verify-measurement" in refused.stderr
