# SPDX-License-Identifier: MIT
"""`rig replay`: one trial again, from its key, for real and with the console on screen."""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from rig.cli import pytest_run
from rig.errors import BENCH, GOOD, INTERRUPTED, OURS, PRODUCT, UsageError
from rig.faults.outcome import Outcome
from rig.faults.plan import BadBundlePlan, CutAtMark, CutAtOperation, NoFault, Plan

if TYPE_CHECKING:
    from rig.place.file import PlaceFile

HELP = "repeat one trial from its key"
BY_OPERATION = "test_replay.py::test_a_replayed_cut_leaves_a_good_board"
BY_CLOCK = "test_replay.py::test_a_cut_replayed_by_the_clock_leaves_a_good_board"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `rig replay`'s options."""
    parser.add_argument("key", help="as a report prints it: walnut1/upgrade/…")
    parser.add_argument("--place", type=Path, required=True, help="place file")
    parser.add_argument("--report", type=Path, help="folder (default reports/replay-…)")


def run(arguments: argparse.Namespace) -> int:
    """Check the key, have it replayed, and say what came out."""
    from rig.board.catalogue import Catalogue  # noqa: PLC0415
    from rig.place.file import require  # noqa: PLC0415 # labgrid is slow
    from rig.sweep.key import parse_key  # noqa: PLC0415

    key = parse_key(arguments.key)
    place = require(arguments.place)
    key.check(Catalogue.load(place.firmware_index))
    test = _test(key.plan, place)
    name = hashlib.sha256(str(key).encode()).hexdigest()[:8]
    folder = (arguments.report or pytest_run.new_folder(f"replay-{name}-")).resolve()
    if (folder / "replay.json").exists():
        raise UsageError(f"{folder} holds a replay already: take another --report folder")
    folder.mkdir(parents=True, exist_ok=True)
    pytest_run.forget(folder)
    options = [f"--rig-key={key}", *pytest_run.with_records(folder)]
    code = pytest_run.wait(
        pytest_run.start(pytest_run.command([test], arguments.place, folder, options))
    )
    return pytest_run.ends(folder, _ended(folder, code))


def _ended(folder: Path, code: int) -> int:
    """Show what was recorded; return the command's exit code."""
    if code == pytest_run.PYTEST_INTERRUPTED:
        return INTERRUPTED
    if not (folder / "replay.json").exists():
        return _told(folder, "the replay did not run")
    record = json.loads((folder / "replay.json").read_text(encoding="utf-8"))
    for line in (record["nearest"], _seen(record), f"records: {folder}"):
        if line:
            sys.stdout.write(f"{line}\n")
    outcome = Outcome(record["outcome"])
    if outcome is Outcome.bench:
        return BENCH
    if outcome.bad:
        return PRODUCT
    return GOOD if code == 0 else _told(folder, "the board is good, and the replay failed")


def _test(plan: Plan, place: "PlaceFile") -> str:
    """Return the test that repeats the plan on this place.

    Raises:
        UsageError: the place cannot, or there is no cut to be repeated.
    """
    match plan:
        case CutAtMark():
            return BY_OPERATION if "interposer" in place.instruments else BY_CLOCK
        case CutAtOperation():
            why = "a replay cuts at an operation, which needs one (a flash emulator)"
            place.need_instrument("interposer", why)
            return BY_OPERATION
        case NoFault() | BadBundlePlan():
            raise UsageError(f"{plan} is no cut: a replay repeats a cut of the power")
        case _:
            assert_never(plan)


def _told(folder: Path, otherwise: str) -> int:
    """Say the run's own error; return its exit code."""
    code, text = pytest_run.told(folder) or (OURS, otherwise)
    sys.stderr.write(f"{text}\n")
    return code


def _seen(record: dict[str, Any]) -> str:
    """Say what came out, what the cut left (the flash's hash, or when the rail fell), and why."""
    text = f"{record['outcome']}, release {record['release']}, {record['boots']} boots"
    if record["flash_sha256"]:
        text += f"; flash after the cut {record['flash_sha256']}"
    elif record["edge"]:
        delay = record["edge"]["delay"]
        value, doubt = delay["value"], delay["uncertainty"]
        text += f"; the rail fell {value:.4f} ± {doubt:.4f} s after the board's line"
    elif not record["error"]:
        text += "; when the rail fell was not measured"
    return f"{text}; {record['error']}" if record["error"] else text
