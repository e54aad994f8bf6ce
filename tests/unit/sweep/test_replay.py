# SPDX-License-Identifier: MIT
"""A replay keeps what the cut left, and leaves no bad board behind."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.campaign.reinstall import rescue
from rig.errors import BoardError
from rig.faults.plan import CutAtOperation, Kind
from rig.sweep.replay import replay
from tests.unit.helpers.scripted import Life, ScriptedPlace, release

CUT = CutAtOperation(operation=5, kind=Kind.before)


def replayed(place: ScriptedPlace, folder: Path, *, own_boots: int = 0) -> list[str]:
    """Replay a cut in a rollback; return what was said of it."""
    said: list[str] = []
    exercise = SimpleNamespace(
        place=place,
        what="rollback",
        stores=False,
        old=release("1.0.0"),
        new=release("2.0.0"),
        own_boots=own_boots,
        bring=lambda: None,
    )
    replay(
        cast("Any", exercise),
        CUT,
        folder,
        more={"key": "k"},
        on_event=lambda _: None,
        say=said.append,
    )
    return said


def place(**more: Any) -> ScriptedPlace:
    return ScriptedPlace(Life("@WU 9.00 download start url=x\n", cut=True), **more)


def record_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "replay.json").read_text())
    return found


def test_a_good_board_is_left_as_it_is(tmp_path: Path) -> None:
    board = place()
    assert replayed(board, tmp_path) == []
    assert board.rescued == []


def test_the_boots_of_the_exercise_itself_do_not_make_it_recovered(tmp_path: Path) -> None:
    replayed(place(boots=4), tmp_path, own_boots=3)
    assert record_in(tmp_path)["outcome"] == "old"


def test_a_bad_board_is_rescued_once_its_flash_was_kept(tmp_path: Path) -> None:
    board = place()
    board.service.error = BoardError("no answer")

    (said,) = replayed(board, tmp_path)

    assert "rescued with 1.0.0" in said
    assert board.rescued == ["1.0.0"]
    assert (tmp_path / "flash.nor").read_bytes() == b"flas"
    assert record_in(tmp_path)["outcome"] == "bricked"


def test_a_board_on_a_failing_bench_is_not_rescued(tmp_path: Path) -> None:
    board = place(fed=False)
    board.service.error = BoardError("no answer")

    assert replayed(board, tmp_path) == []

    assert record_in(tmp_path)["outcome"] == "bench"
    assert board.rescued == []


def test_a_record_that_found_no_room_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "replay.json.new").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        replayed(place(), tmp_path)
    assert not (tmp_path / "replay.json").exists()


def test_a_rescue_says_what_came_of_it() -> None:
    said: list[str] = []
    fed, dark = (cast("Any", place(fed=fed)) for fed in (True, False))

    assert rescue(fed, release("1.0.0"), said.append)
    assert not rescue(dark, release("1.0.0"), said.append)

    assert said == [
        "the board was no good; it was rescued with 1.0.0",
        "the board is no good and was not rescued: no current flows",
    ]
