# SPDX-License-Identifier: MIT
"""The exit code of `rig test` says who must act; no run that could not judge ends on 0."""

import json
from pathlib import Path

import pytest

from rig.cli import executor
from rig.cli.command import main
from rig.run_end import ERROR_FILE


@pytest.mark.parametrize(
    ("pytest_code", "word", "error", "code"),
    [
        (0, None, None, 0),  # no board was used
        (0, "empty", None, 0),
        (0, "good", None, 0),
        (0, "bench", None, 3),
        (1, None, None, 1),  # an assertion
        (1, "good", None, 1),
        (1, "product", None, 1),
        (1, "bench", None, 3),
        (1, "empty", "UsageError", 2),
        (1, "empty", "BenchError", 3),
        (1, "good", "BoardError", 1),
        (1, "bench", "BoardError", 1),  # in another test: it does not hide behind the bench
        (1, "bench", "UsageError", 3),
        (7, None, None, 2),  # a file that pytest cannot read, pytest-dev/pytest#15012
        (2, "good", None, 130),
        (2, "good", "BenchError", 130),  # while it was put in order
        (2, None, "UsageError", 2),  # a file that pytest cannot read
        (2, None, "BenchError", 130),
        (2, None, None, 130),
        (3, "good", None, 4),  # pytest's own failure
        (4, None, None, 2),
        (5, None, None, 2),  # no test
    ],
)
def test_an_exit_code_says_who_must_act(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytest_code: int,
    word: str | None,
    error: str | None,
    code: int,
) -> None:
    if word:
        (tmp_path / "results.sqlite").touch()
        monkeypatch.setattr(executor, "report", lambda *_, **__: word)
    if error:
        facts = {"kind": error, "who": "somebody", "text": "why"}
        (tmp_path / ERROR_FILE).write_text(json.dumps(facts))

    assert executor._ended_own(tmp_path, pytest_code, allure=False) == code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no_such.py"], "no_such.py is not there"),
        ([__file__, "--key", "walnut1/upgrade/a@0/b@0/cut@op:1/after"], "try `rig replay`"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_moves(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", *words, "--place", "places/virtual.yaml"]) == 2
    assert said in capsys.readouterr().err


def test_a_replay_of_a_tests_key_says_which_command_it_is_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = "walnut1/test/1.0.0@0123456789ab/test_x.py::test_y@0123456789ab/cut@op:1/after"
    assert main(["replay", key, "--place", "places/virtual.yaml"]) == 2
    assert "rig test FILE --key KEY" in capsys.readouterr().err
