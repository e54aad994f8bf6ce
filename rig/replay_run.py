# SPDX-License-Identifier: MIT
"""`rig replay`: one trial again, from its key, for real and with the console on screen."""

import argparse
import hashlib
import json
import sys
from pathlib import Path

from rig import runs
from rig.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `rig replay`'s options."""
    parser.add_argument("key", help="as a report prints it: walnut1/upgrade/…")
    parser.add_argument("--place", type=Path, required=True, help="place file")
    parser.add_argument("--report", type=Path, help="folder (default reports/replay-…)")


def replay(arguments: argparse.Namespace) -> int:
    """Check the key, have it replayed, and say what came out."""
    from rig.place_file import firmware_index, require  # noqa: PLC0415 # labgrid is slow
    from rig.release import Catalogue  # noqa: PLC0415
    from rig.sweep import parse_key  # noqa: PLC0415

    key = parse_key(arguments.key)
    require(arguments.place)
    key.check(Catalogue.load(firmware_index(arguments.place)))
    why = "a replay cuts at an operation, which needs one (a flash emulator)"
    runs.need_feature(arguments.place, "interposer", why)
    name = hashlib.sha256(str(key).encode()).hexdigest()[:8]
    stamp = runs.new_folder()
    folder = (arguments.report or stamp.with_name(f"replay-{name}-{stamp.name}")).resolve()
    if (folder / "replay.json").exists():
        raise UsageError(f"{folder} holds a replay already: take another --report folder")
    folder.mkdir(parents=True, exist_ok=True)
    options = [f"--rig-key={key}", *runs.with_records(folder)]
    code = runs.wait(runs.start(runs.command(["test_replay.py"], arguments.place, folder, options)))
    if code == runs.PYTEST_INTERRUPTED:
        return runs.INTERRUPTED
    if not (folder / "replay.json").exists():
        told = runs.told(folder)
        sys.stderr.write(f"{told[1] if told else 'the replay did not run'}\n")
        return told[0] if told else runs.OURS
    record = json.loads((folder / "replay.json").read_text(encoding="utf-8"))
    sys.stdout.write(
        f"{record['outcome']}, release {record['release']}, {record['boots']} boots;"
        f" flash after the cut {record['flash_sha256']}\nrecords: {folder}\n"
    )
    if record["outcome"] == "bench":
        return runs.BENCH
    return runs.PRODUCT if code else runs.GOOD
