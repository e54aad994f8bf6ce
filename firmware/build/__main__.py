# SPDX-License-Identifier: MIT
"""The build's command line, called by firmware/Makefile."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from firmware.build import defects, run, shell
from firmware.build.check import check, compare
from firmware.build.errors import BuildError
from firmware.build.plan import FIRMWARE, Plan, source_pins
from firmware.build.sources import print_pins
from firmware.build.step import Cache

OUT = FIRMWARE / "out"


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/walnut-rig/firmware`; a relative one is invalid (XDG base directories)."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return base / "walnut-rig" / "firmware"


def build(plan: Plan, root: Path) -> Path:
    """Build everything that is not in the cache below `root`."""
    progress = run.Progress()
    for warning in plan.warnings():
        progress.say(warning)
    return run.build(plan.goal(), Cache(root), shell.environment(plan.epoch), progress)


def link(result: Path, out: Path = OUT) -> None:
    """Have `out` point at the result, in one step."""
    out.parent.mkdir(exist_ok=True)
    new = out.with_name(f".out-{os.getpid()}")
    new.symlink_to(result)
    new.rename(out)


def build_defects(wanted: list[str]) -> None:
    """Build the board's software once with each defect."""
    for name in defects.chosen(wanted):
        sys.stdout.write(f"firmware: defect {name}\n")
        with defects.patched(name) as folder:
            plan = Plan.load(folder / "board", folder / "u-boot")
            link(build(plan, cache_root()), defects.OUT / name)


def reproduce(plan: Plan) -> str:
    """Build once more, from nothing, elsewhere; every byte must be the same."""
    with tempfile.TemporaryDirectory(prefix="again-", dir=cache_root()) as folder:
        return compare(OUT, build(plan, Path(folder) / "cache"))


def main() -> int:
    """Run one command; 0 done, 1 the check found a difference, 3 it could not be built."""
    parser = argparse.ArgumentParser(prog="make -C firmware", description=__doc__)
    commands = ("build", "check", "reproduce", "pins", "defects")
    parser.add_argument("command", choices=commands, nargs="?", default="build")
    parser.add_argument("names", nargs="*", help="with `defects`: which, all if none is named")
    parser.add_argument("--board", type=Path, default=FIRMWARE / "board", help="other user land")
    arguments = parser.parse_args()
    os.umask(0o022)
    try:
        if arguments.command == "pins":
            with tempfile.TemporaryDirectory() as folder:
                sys.stdout.write(print_pins(source_pins().values(), Path(folder)))
            return 0
        if arguments.command == "defects":
            build_defects(arguments.names)
            return 0
        plan = Plan.load(arguments.board.resolve())
        if arguments.command == "build":
            link(build(plan, cache_root()))
            return 0
        text = check(OUT, plan) if arguments.command == "check" else reproduce(plan)
    except BuildError as error:
        sys.stderr.write(f"firmware: {error}\n")
        return 3
    except KeyboardInterrupt:
        sys.stderr.write("firmware: interrupted; finished steps are kept\n")
        return 130
    sys.stdout.write(f"firmware: {text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
