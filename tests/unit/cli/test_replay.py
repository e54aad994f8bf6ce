# SPDX-License-Identifier: MIT
"""What `rig replay` makes of the record that a replay left."""

import json
from pathlib import Path

import pytest

from rig.errors import BENCH, GOOD, OURS, PRODUCT, USAGE
from rig.faults.outcome import Outcome
from rig.records.plain import plain
from rig.sweep.real_cut import Replayed
from tests.unit.helpers.pytest_run import replay, run_instead

LEAVES = """
from pathlib import Path

def test_it(pytestconfig):
    (pytestconfig.getoption("rig_report") / "replay.json").write_text({record!r})
    assert {passes}
"""
MISSED = "the lab (the bench): the nested cut cut@op:3/after never came"


def left(outcome: Outcome, error: str | None = None) -> str:
    replayed = Replayed(outcome=outcome, release="1.0.0", flash_sha256="f00d", error=error)
    return json.dumps(plain(replayed) | {"nearest": None})


@pytest.mark.parametrize(
    ("outcome", "passes", "code"),
    [
        (Outcome.old, True, GOOD),
        (Outcome.old, False, OURS),
        (Outcome.bricked, False, PRODUCT),
    ],
)
def test_the_recorded_outcome_tells_who_must_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, passes: bool, code: int
) -> None:
    run_instead(monkeypatch, tmp_path, LEAVES.format(record=left(outcome), passes=passes))
    assert replay(tmp_path / "run") == code


def test_a_cut_that_never_came_is_the_benchs_and_named_beside_the_flash_that_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    test = LEAVES.format(record=left(Outcome.bench, MISSED), passes=False)
    run_instead(monkeypatch, tmp_path, test)

    assert replay(tmp_path / "run") == BENCH

    assert f"flash after the cut f00d; {MISSED}" in capsys.readouterr().out


@pytest.mark.parametrize("plan", ["none", "bundle:not-a-tar"])
def test_a_key_without_a_cut_is_refused_before_a_board_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plan: str
) -> None:
    assert replay(tmp_path / "run", plan) == USAGE

    assert f"{plan} is no cut" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
