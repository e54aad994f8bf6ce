# SPDX-License-Identifier: MIT
"""The build's command line, called by firmware/Makefile."""

import argparse
import os
import signal
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
    try:
        base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    except RuntimeError as error:
        raise BuildError("this user has no home: set XDG_CACHE_HOME, or HOME") from error
    return base / "walnut-rig" / "firmware"


def planned(board: Path, u_boot: Path = FIRMWARE / "u-boot") -> Plan:
    """Read what is to be built, of the sources that are to be had."""
    plan = Plan.load(board, u_boot)
    return plan.with_sources(Cache(cache_root()), shell.environment(plan.epoch))


def build(plan: Plan, root: Path) -> Path:
    """Build everything that is not in the cache below `root`."""
    progress = run.Progress()
    for warning in plan.warnings():
        progress.say(warning)
    cache = Cache(root)
    cache.sweep()
    return run.build(plan.goal(), cache, shell.environment(plan.epoch), progress)


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
            plan = planned(folder / "board", folder / "u-boot")
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        text = act(arguments)
    except BuildError as error:
        sys.stderr.write(f"firmware: {error}\n")
        return 3
    except OSError as error:
        sys.stderr.write(f"firmware: {error}: mend this computer's disk, or set XDG_CACHE_HOME\n")
        return 3
    except KeyboardInterrupt:
        sys.stderr.write("firmware: interrupted; finished steps are kept\n")
        return 130
    if text:
        sys.stdout.write(f"firmware: {text}\n")
    return 0


def act(arguments: argparse.Namespace) -> str:
    """Do it; return what there is to say at the end."""
    board = arguments.board.resolve()
    match arguments.command:
        case "pins":
            with tempfile.TemporaryDirectory() as folder:
                sys.stdout.write(print_pins(source_pins().values(), Path(folder)))
            return ""
        case "defects":
            build_defects(arguments.names)
            return ""
        case "check":
            return check(OUT, Plan.load(board))
        case "reproduce":
            return reproduce(planned(board))
        case _:
            link(build(planned(board), cache_root()))
            return ""


if __name__ == "__main__":
    sys.exit(main())
