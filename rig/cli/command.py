# SPDX-License-Identifier: MIT
"""The `rig` command, docs/reference/cli.md.  Nothing slow is imported before it is needed."""

import argparse
import io
import json
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rig import full_disk, secrecy, shutdown
from rig.cli import pytest_run, records, replay, sweep, verify
from rig.cli.pytest_run import BENCH, GOOD, INTERRUPTED, OURS, PRODUCT, UNHEARD, USAGE
from rig.errors import BenchError, BoardError, RigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

BY_VERDICT = {"good": GOOD, "product": PRODUCT, "bench": BENCH, "empty": BENCH}
MISMATCH_RATE_HZ = 200.0  # whether the service was touched, not for how many milliseconds


class _Version(argparse.Action):
    """Say the rig's version and Python's; what it is looked up with is slow to import."""

    def __init__(self, option_strings: list[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="say it and end")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415

        python = ".".join(str(part) for part in sys.version_info[:3])
        print(f"walnut-rig {version('walnut-rig')}, Python {python}")  # noqa: T201
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rig", description="The Walnut rig.")
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="show what the rig can do, on one place")
    cycle = commands.add_parser("cycle", help="upgrade and downgrade again and again")
    mismatch = commands.add_parser("mismatch", help="offer the board all that does not fit")
    mismatch.add_argument("--only", default="", metavar="WORDS", help="as pytest's -k: bundle …")
    reset = commands.add_parser("reset", help="reset process, system and power (RFC 6201)")
    reset.add_argument("--release", help="that runs meanwhile; default: the first that was built")
    reset.add_argument("--what", default="process,os,power", help="of process,os,power")
    reset.add_argument("--trials", type=int, default=20, metavar="N", help="of each (default 20)")
    reset.add_argument("--off-s", type=float, default=15.0, help="power is gone for (default 15)")
    reset.add_argument("--steady-s", type=float, default=15.0, help="good service before each")
    for command in (demo, cycle, mismatch, reset):
        command.add_argument("--place", type=Path, required=True, help="place file")
        command.add_argument("--report", type=Path, help="folder (default reports/<time>)")
        command.add_argument("--no-allure", action="store_true", help="skip the Allure report")
        command.add_argument("--record-to", metavar="DSN", help=f"or ${pytest_run.RECORD_TO}")
    for command in (demo, cycle, reset):
        verified = command.add_mutually_exclusive_group()
        verified.add_argument(
            "--require-verified",
            action="store_true",
            help="refuse a place whose last verify-measurement is missing, partial, old or failed",
        )
        verified.add_argument(
            "--unverified",
            action="store_true",
            help="run all the same where the place file says `require_verified: true`",
        )
    cycle.add_argument("--from", dest="old", required=True, metavar="RELEASE")
    cycle.add_argument("--to", dest="new", required=True, metavar="RELEASE")
    cycle.add_argument("--cycles", type=int, default=1, metavar="N")
    cycle.add_argument("--fault", default="none", metavar="PLAN", help="cut@op:700/torn:seed=1 …")
    sweep.add_arguments(commands.add_parser("sweep", help="cut the power at every operation"))
    replay.add_arguments(commands.add_parser("replay", help="repeat one trial from its key"))
    text = "measure interruptions of known length, and judge the instruments"
    verify.add_arguments(commands.add_parser("verify-measurement", help=text))
    report = commands.add_parser("report", help="make the reports of a run again")
    report.add_argument("folder", type=Path)
    records.add_commands(commands.add_parser)
    doctor = commands.add_parser("doctor", help="check this computer and a place")
    doctor.add_argument("--place", type=Path, action="append", default=[], help="place file")
    doctor.add_argument("--offline", action="store_true", help="ask no equipment")
    rescue = commands.add_parser("rescue", help="program a dead board and prove that it boots")
    rescue.add_argument("--place", type=Path, required=True, help="place file")
    rescue.add_argument("--release", help="default: the first one that was built")
    bench = commands.add_parser("bench", help="the virtual bench", add_help=False)
    bench.add_argument("rest", nargs=argparse.REMAINDER)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    secrecy.in_logs()
    if any(option.startswith("error") for option in sys.warnoptions):
        # A build server may ask Python for that: a library that complains has not failed.
        os.environ.pop("PYTHONWARNINGS", None)
        warnings.simplefilter("default")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of another century has no arrows
            stream.reconfigure(errors="backslashreplace")
    try:
        with shutdown.passed_on():
            code = _bench(words[1:]) if words[:1] == ["bench"] else _given(words)
            if sys.stdout:
                sys.stdout.flush()  # Python's own, at the end, would end on a code of its own
            return code
    except KeyboardInterrupt as error:
        return _noted(error, INTERRUPTED)
    except BrokenPipeError:  # `rig gate … | head`: no verdict, for it may have been cut off
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 # for its flush
        return UNHEARD
    except RigError as error:
        return _noted(error, _told(error))
    except Exception as error:  # noqa: BLE001 # Python's own exit code would be PRODUCT
        secrecy.hide_in(error)
        traceback.print_exc()
        return OURS


def _given(words: list[str]) -> int:
    return _run(_parser().parse_args(words))


def _noted(error: BaseException, code: int) -> int:
    """Say what failed beside `error`, on the way out; return `code`."""
    for note in getattr(error, "__notes__", ()):
        print(note, file=sys.stderr)  # noqa: T201
    return code


def _told(error: RigError) -> int:
    """Say what went wrong and who must act; return the exit code."""
    print(f"error ({error.who} must act): {error}", file=sys.stderr)  # noqa: T201
    codes = {UsageError: USAGE, BenchError: BENCH, BoardError: PRODUCT}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), OURS)


def _bench(words: list[str]) -> int:
    from rig.virtual import commands  # noqa: PLC0415 # only this command may know of it

    parser = argparse.ArgumentParser(prog="rig bench", description=commands.__doc__)
    commands.add_arguments(parser)
    arguments = parser.parse_args(words)
    with _told_of_a_full_disk(arguments):
        return commands.main(arguments)


@contextmanager
def _told_of_a_full_disk(arguments: argparse.Namespace) -> Iterator[None]:
    """Make a BenchError of a disk that takes no more; the command's own folder is on it."""
    try:
        yield
    except OSError as error:
        named = (vars(arguments).get(name) for name in ("report", "folder", "to", "state"))
        folder = next(
            (path for path in named if isinstance(path, Path)), pytest_run.ROOT / "reports"
        )
        if said := full_disk.full(error, folder):
            raise said from error
        raise


def _run(arguments: argparse.Namespace) -> int:
    acts: dict[str, Callable[[argparse.Namespace], int]] = {
        "demo": lambda words: _pytest("test_demo.py", words, _verified(words)),
        "cycle": _cycle,
        "sweep": sweep.sweep,
        "replay": replay.replay,
        "verify-measurement": verify.verify,
        "mismatch": _mismatch,
        "reset": _reset,
        "report": lambda words: BY_VERDICT[_report(words.folder.resolve(), allure=True)],
        "rescue": _rescue,
        "history": records.history,
        "gate": records.gate,
        "export": records.export,
        "record": records.record,
        "doctor": _doctor,
    }
    with _told_of_a_full_disk(arguments):
        return acts[arguments.command](arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    from rig.place.computer import Wanted  # noqa: PLC0415
    from rig.place.doctor import examine  # noqa: PLC0415 # labgrid is slow to import
    from rig.place.file import check  # noqa: PLC0415
    from rig.virtual import commands, control, endpoints  # noqa: PLC0415
    from rig.virtual.board import board  # noqa: PLC0415

    first = endpoints.Endpoints(1, Path())
    wanted = Wanted(
        tools=board.TOOLS,
        tcp=first.tcp_ports,
        udp=first.udp_ports,
        up=not arguments.place and control.is_up(control.default_state()),
        index=commands.INDEX,
    )
    if examine(arguments.place, wanted, offline=arguments.offline):
        return GOOD
    return USAGE if any(check(path) for path in arguments.place) else BENCH


def _cycle(arguments: argparse.Namespace) -> int:
    _check_cycle(arguments)
    options = [f"--rig-from={arguments.old}", f"--rig-to={arguments.new}"]
    options += [f"--rig-cycles={arguments.cycles}", f"--rig-fault={arguments.fault}"]
    return _pytest("test_cycle.py", arguments, [*options, *_verified(arguments)])


def _verified(arguments: argparse.Namespace) -> list[str]:
    """Refuse a place at once that is not verified, if call or place ask for that.

    Return pytest's option.  The instruments' identities are compared later, once they have been
    asked.
    """
    from rig.clock import wall_time_s  # noqa: PLC0415
    from rig.place.file import require  # noqa: PLC0415
    from rig.verification import last_record  # noqa: PLC0415 # labgrid is slow to import

    require(arguments.place)
    asked = arguments.require_verified or last_record.is_required(arguments.place)
    if arguments.unverified or not asked:
        return []
    standing = last_record.of_place(arguments.place, now_s=wall_time_s())
    last_record.require(arguments.place, standing)
    return ["--rig-require-verified"]


def _mismatch(arguments: argparse.Namespace) -> int:
    from rig.place.file import need_instrument, require  # noqa: PLC0415 # labgrid is slow

    require(arguments.place)
    why = "what does not fit is written into the flash behind the updater's back"
    need_instrument(arguments.place, "interposer", why)
    options = [f"--rig-rate={MISMATCH_RATE_HZ}", "-k", arguments.only]
    return _pytest("test_mismatch.py", arguments, options)


def _reset(arguments: argparse.Namespace) -> int:
    from rig.board.catalogue import Catalogue  # noqa: PLC0415
    from rig.campaign.reset import Reset  # noqa: PLC0415
    from rig.place.file import firmware_index, require  # noqa: PLC0415 # labgrid is slow

    known = [what.value for what in Reset]
    chosen = arguments.what.split(",")
    if unknown := [what for what in chosen if what not in known]:
        raise UsageError(f"--what: {unknown[0]!r} is none of {', '.join(known)}")
    if arguments.trials < 1 or arguments.off_s < 0 or arguments.steady_s < 0:
        raise UsageError("--trials is at least 1, and no time is negative")
    require(arguments.place)
    catalogue = Catalogue.load(firmware_index(arguments.place))
    release = catalogue.release(arguments.release or next(iter(catalogue.releases)))
    settings = {
        "what": [what for what in known if what in chosen],
        "trials": arguments.trials,
        "off_s": arguments.off_s,
        "steady_s": arguments.steady_s,
    }
    options = [f"--rig-from={release}", f"--rig-resets={json.dumps(settings)}"]
    return _pytest("test_reset.py", arguments, [*options, *_verified(arguments)])


def _rescue(arguments: argparse.Namespace) -> int:
    """Program the golden flash through the interposer; the board is left off."""
    from rig.place.place import Place  # noqa: PLC0415 # labgrid is slow to import

    with Place.open(arguments.place) as place:
        release = place.catalogue.release(arguments.release or next(iter(place.catalogue.releases)))
        written = place.rescue(release)
        print(f"{place.name}: {written / 1024:.0f} KiB written, boots {release}")  # noqa: T201
    return GOOD


def _check_cycle(arguments: argparse.Namespace) -> None:
    """Refuse at once what would fail after minutes."""
    from rig.board.catalogue import Catalogue  # noqa: PLC0415
    from rig.faults.plan import is_at_operation, parse  # noqa: PLC0415
    from rig.place.file import firmware_index, need_instrument, require  # noqa: PLC0415

    plan = parse(arguments.fault)
    if arguments.cycles < 1:
        raise UsageError(f"--cycles is at least 1, not {arguments.cycles}")
    require(arguments.place)
    if is_at_operation(plan):
        why = f"{plan} is at a flash operation; cut@mark:… works without"
        need_instrument(arguments.place, "interposer", why)
    catalogue = Catalogue.load(firmware_index(arguments.place))
    for name in (arguments.old, arguments.new):
        catalogue.release(name)


def _pytest(module: str, arguments: argparse.Namespace, options: list[str]) -> int:
    """Run a module of tests/board, and make its reports."""
    from rig.place.file import require  # noqa: PLC0415

    require(arguments.place)
    folder = (arguments.report or pytest_run.new_folder()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    pytest_run.forget(folder)
    words = [*options, *pytest_run.with_records(folder)]
    if (
        arguments.record_to
    ):  # no option of pytest's: those are recorded, and a DSN may hold a secret
        os.environ[pytest_run.RECORD_TO] = arguments.record_to
    code = pytest_run.wait(
        pytest_run.start(pytest_run.command([module], arguments.place, folder, words))
    )
    return pytest_run.ends(folder, _ended(folder, code, allure=not arguments.no_allure))


def _ended(folder: Path, code: int, *, allure: bool) -> int:
    """Make the reports of a run that pytest ended on `code`; return the command's exit code."""
    if code == pytest_run.PYTEST_USAGE:
        return USAGE
    if not (folder / "results.sqlite").exists():
        return INTERRUPTED if code == pytest_run.PYTEST_INTERRUPTED else _told_by_run(folder, OURS)
    word = _report(folder, allure=allure)
    if code == pytest_run.PYTEST_INTERRUPTED:
        _told_by_run(folder, INTERRUPTED)  # what failed while it was put in order
        return INTERRUPTED
    if code == 0 or word not in {"good", "empty"}:
        return BY_VERDICT[word]
    # It did so although every step was good, or there was none.
    failed = PRODUCT if word == "good" else BENCH
    return _told_by_run(folder, failed if code == pytest_run.PYTEST_FAILED else OURS)


def _told_by_run(folder: Path, otherwise: int) -> int:
    """Say the run's own error; return its exit code, or `otherwise` when there is none."""
    told = pytest_run.told(folder)
    if told is None:
        return otherwise
    print(told[1], file=sys.stderr)  # noqa: T201
    return told[0]


def _report(folder: Path, *, allure: bool) -> str:
    """Make a run's reports, show its table, and return its verdict."""
    from rig.report.build import build  # noqa: PLC0415
    from rig.report.terminal import show  # noqa: PLC0415

    def warn(text: str) -> None:
        print(f"warning: {text}", file=sys.stderr)  # noqa: T201

    build(folder, warn, allure=allure)
    return show(folder)
