# SPDX-License-Identifier: MIT
"""The `rig` command, docs/reference/cli.md.  Nothing slow is imported before it is needed."""

import argparse
import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

from rig.errors import BenchError, BoardError, RigError, UsageError

ROOT = Path(__file__).resolve().parents[1]
MISMATCH_RATE_HZ = 200.0  # whether the service was touched, not for how many milliseconds
# Exit codes
GOOD, PRODUCT, USAGE, BENCH, OURS, INTERRUPTED = 0, 1, 2, 3, 4, 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rig", description="The Walnut rig.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="show what the rig can do, on one place")
    cycle = commands.add_parser("cycle", help="upgrade and downgrade again and again")
    mismatch = commands.add_parser("mismatch", help="offer the board all that does not fit")
    for command in (demo, cycle, mismatch):
        command.add_argument("--place", type=Path, required=True, help="place file")
        command.add_argument("--report", type=Path, help="folder (default reports/<time>)")
        command.add_argument("--no-allure", action="store_true", help="skip the Allure report")
    cycle.add_argument("--from", dest="old", required=True, metavar="RELEASE")
    cycle.add_argument("--to", dest="new", required=True, metavar="RELEASE")
    cycle.add_argument("--cycles", type=int, default=1, metavar="N")
    cycle.add_argument("--fault", default="none", metavar="PLAN", help="cut@op:700/torn:seed=1 …")
    report = commands.add_parser("report", help="make the reports of a run again")
    report.add_argument("folder", type=Path)
    doctor = commands.add_parser("doctor", help="check this computer and a place")
    doctor.add_argument("--place", type=Path, action="append", default=[], help="place file")
    doctor.add_argument("--offline", action="store_true", help="ask no equipment")
    bench = commands.add_parser("bench", help="the virtual bench", add_help=False)
    bench.add_argument("rest", nargs=argparse.REMAINDER)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words[:1] == ["bench"]:
            return _bench(words[1:])
        return _run(_parser().parse_args(words))
    except KeyboardInterrupt:
        return INTERRUPTED
    except RigError as error:
        print(f"error ({error.who} must act): {error}", file=sys.stderr)  # noqa: T201
        if isinstance(error, UsageError):
            return USAGE
        return BENCH if isinstance(error, BenchError) else _other(error)


def _other(error: RigError) -> int:
    return PRODUCT if isinstance(error, BoardError) else OURS


def _bench(words: list[str]) -> int:
    from rig.virtual import commands  # noqa: PLC0415 # only this command may know of it

    parser = argparse.ArgumentParser(prog="rig bench", description=commands.__doc__)
    commands.add_arguments(parser)
    return commands.main(parser.parse_args(words))


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "demo":
            return _pytest("test_demo.py", arguments, [])
        case "cycle":
            options = [f"--rig-from={arguments.old}", f"--rig-to={arguments.new}"]
            options += [f"--rig-cycles={arguments.cycles}", f"--rig-fault={arguments.fault}"]
            _check_cycle(arguments)
            return _pytest("test_cycle.py", arguments, options)
        case "mismatch":
            return _pytest("test_mismatch.py", arguments, [f"--rig-rate={MISMATCH_RATE_HZ}"])
        case "report":
            return _report(arguments.folder.resolve(), allure=True)
        case _:
            from rig.doctor import examine  # noqa: PLC0415 # labgrid is slow to import

            return GOOD if examine(arguments.place, offline=arguments.offline) else BENCH


def _check_cycle(arguments: argparse.Namespace) -> None:
    """Refuse at once what would fail after minutes."""
    from rig.faults import parse  # noqa: PLC0415
    from rig.place_file import firmware_index, require  # noqa: PLC0415
    from rig.release import Catalogue  # noqa: PLC0415

    parse(arguments.fault)
    if arguments.cycles < 1:
        raise UsageError(f"--cycles is at least 1, not {arguments.cycles}")
    require(arguments.place)
    catalogue = Catalogue.load(firmware_index(arguments.place))
    for name in (arguments.old, arguments.new):
        catalogue.release(name)


def _pytest(module: str, arguments: argparse.Namespace, options: list[str]) -> int:
    """Have pytest execute it: the only executor there is."""
    from rig.place_file import require  # noqa: PLC0415

    require(arguments.place)
    stamp = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H%M%SZ")
    folder = (arguments.report or ROOT / "reports" / stamp).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", str(ROOT / "tests" / "board" / module)]
    command += ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "-q", "--tb=short"]
    command += ["--lg-env", str(arguments.place.resolve()), f"--rig-report={folder}", *options]
    command += [f"--alluredir={folder / 'allure-results'}", f"--junitxml={folder / 'junit.xml'}"]
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    code = _wait(child)
    if not (folder / "results.sqlite").exists():
        return {2: INTERRUPTED, 4: USAGE}.get(code, OURS if code == 3 else BENCH)
    verdict = _report(folder, allure=not arguments.no_allure)
    if code == 2:  # pytest was interrupted
        return INTERRUPTED
    return verdict if code == 0 or verdict != GOOD else (PRODUCT if code == 1 else OURS)


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait for pytest, which hears of Ctrl-C itself and puts the board in order."""
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def _report(folder: Path, *, allure: bool) -> int:
    from rig.report import build  # noqa: PLC0415
    from rig.report.terminal import show  # noqa: PLC0415

    def warn(text: str) -> None:
        print(f"warning: {text}", file=sys.stderr)  # noqa: T201

    build(folder, warn, allure=allure)
    return {"good": GOOD, "product": PRODUCT, "bench": BENCH, "empty": BENCH}[show(folder)]


if __name__ == "__main__":
    sys.exit(main())
