# SPDX-License-Identifier: MIT
"""Numbers are verified only by a passed, recent verification of the same instruments."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from rig import calibration, cli
from rig.calibration import standing
from rig.errors import BenchError

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
IDENTITIES = {"traffic": "a probe, 1000/s", "counter": "a counter,1"}
PLACE = Path(__file__).resolve().parents[2] / "places" / "virtual.yaml"


def record(age_h: float = 1.0, **changes: Any) -> dict[str, Any]:
    when = (NOW - dt.timedelta(hours=age_h)).isoformat()
    good = {"format": 1, "when": when, "verdict": "passed", "instruments": dict(IDENTITIES)}
    return good | changes


def test_a_recent_record_of_the_same_instruments_verifies() -> None:
    found = standing(record(), now_s=NOW.timestamp(), instruments=IDENTITIES)
    assert (found.verified, found.reason) == (True, "")


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (None, "never"),
        (record(age_h=25), "old"),
        (record(age_h=-1), "old"),
        (record(verdict="failed"), "failed"),
        (record(verdict="unclear"), "unclear"),
        (record(instruments=IDENTITIES | {"counter": "a counter,2"}), "counter"),
        (record(instruments=IDENTITIES | {"traffic": "a probe, 200/s"}), "traffic"),
    ],
)
def test_anything_else_does_not_and_says_why(known: dict[str, Any] | None, why: str) -> None:
    found = standing(known, now_s=NOW.timestamp(), instruments=IDENTITIES)
    assert not found.verified
    assert why in found.reason


def test_the_place_says_how_long_a_record_holds() -> None:
    assert standing(record(age_h=100), now_s=NOW.timestamp(), age_max_h=168).verified


def test_a_record_is_read_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert calibration.read(PLACE) is None

    path = calibration.write(PLACE, record())

    assert calibration.read(PLACE) == record()
    assert list(path.parent.iterdir()) == [path]
    path.write_text("{half")
    assert calibration.read(PLACE) is None


def test_a_place_that_is_not_verified_is_refused_with_the_command_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    code = cli.main(["demo", "--place", str(PLACE), "--require-verified"])

    said = capsys.readouterr().err
    assert code == 3
    assert "the lab (the bench) must act" in said
    assert f"rig verify-measurement --place {PLACE}" in said


def test_require_lets_a_verified_place_pass() -> None:
    calibration.require(PLACE, standing(record(), now_s=NOW.timestamp()))
    with pytest.raises(BenchError, match="never verified"):
        calibration.require(PLACE, standing(None, now_s=NOW.timestamp()))
