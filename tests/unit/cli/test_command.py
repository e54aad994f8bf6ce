# SPDX-License-Identifier: MIT
"""The command line: errors at once, exit codes that say who must act, no slow imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from rig.cli import main

PLACES = Path(__file__).resolve().parents[3] / "places"


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys, rig.cli\n"
        "try: rig.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'labgrid', 'pyvisa', 'matplotlib', 'numpy', 'serial', 'requests', 'jinja2'}\n"
        "slow |= {'sqlalchemy', 'alembic', 'scipy', 'pyarrow', 'prometheus_client'}\n"
        "sys.exit(', '.join(slow & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"rig --help imports {done.stderr}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cycles", "0"], "--cycles is at least 1"),
        (["--fault", "cut@moon"], "cut@op:700"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_moves(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    place = str(PLACES / "virtual.yaml")
    assert main(["cycle", "--place", place, "--from", "1.0.0", "--to", "2.0.0", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--what", "process,mood"], "'mood' is none of process, os, power"),
        (["--trials", "0"], "--trials is at least 1"),
        (["--off-s", "-1"], "no time is negative"),
        (["--release", "9.9.9"], "9.9.9"),
    ],
)
def test_a_reset_that_cannot_be_is_refused_before_anything_moves(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["reset", "--place", str(PLACES / "virtual.yaml"), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_missing_place_file_is_the_callers_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--place", "/nowhere.yaml"]) == 2
    assert "you (the call) must act" in capsys.readouterr().err


def test_doctor_takes_both_places_offline(capsys: pytest.CaptureFixture[str]) -> None:
    places = [str(PLACES / name) for name in ("virtual.yaml", "walnut-1.yaml")]
    assert main(["doctor", "--offline", "--place", places[0], "--place", places[1]]) == 0
    assert "BAD" not in capsys.readouterr().out


def test_a_bench_that_is_not_up_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--state", str(tmp_path), "status"]) == 3
    assert "`rig bench up` starts it" in capsys.readouterr().err


def test_an_instrument_that_the_bench_does_not_have_is_refused_by_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["bench", "--state", str(tmp_path), "up", "--model", "counter=hp_5370b"]
    assert main(words) == 2
    assert "counter=keysight_53230a|pendulum_cnt91|pendulum_cnt104s" in capsys.readouterr().err
