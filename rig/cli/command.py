# SPDX-License-Identifier: MIT
"""The `rig` command, docs/reference/cli.md.  Nothing slow is imported before it is needed."""

import argparse
import io
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rig import full_disk, secrecy, shutdown
from rig.cli import (
    bench,
    cycle,
    demo,
    doctor,
    export,
    gate,
    history,
    mismatch,
    pytest_run,
    record,
    replay,
    report,
    rescue,
    reset,
    sweep,
    test,
    verify,
)
from rig.errors import (
    INTERRUPTED,
    OURS,
    UNHEARD,
    RigError,
)


class Command(Protocol):
    """What a module of this room has that is a command."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, arguments: argparse.Namespace) -> int: ...


COMMANDS: dict[str, Command] = {
    "demo": demo,
    "cycle": cycle,
    "mismatch": mismatch,
    "reset": reset,
    "sweep": sweep,
    "replay": replay,
    "verify-measurement": verify,
    "test": test,
    "report": report,
    "history": history,
    "gate": gate,
    "export": export,
    "record": record,
    "doctor": doctor,
    "rescue": rescue,
}


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
    for name, command in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=command.HELP))
    own = commands.add_parser(
        "bench", help=bench.HELP, add_help=False
    )  # it parses its words itself
    own.add_argument("rest", nargs=argparse.REMAINDER)
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
            code = _run(words)
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


def _run(words: list[str]) -> int:
    if words[:1] == ["bench"]:
        arguments, act = bench.parse(words[1:]), bench.run
    else:
        arguments = _parser().parse_args(words)
        act = COMMANDS[arguments.command].run
    with _told_of_a_full_disk(arguments):
        return act(arguments)


def _noted(error: BaseException, code: int) -> int:
    """Say what failed beside `error`, on the way out; return `code`."""
    for note in getattr(error, "__notes__", ()):
        print(note, file=sys.stderr)  # noqa: T201
    return code


def _told(error: RigError) -> int:
    """Say what went wrong and who must act; return the exit code."""
    print(f"error ({error.who} must act): {error}", file=sys.stderr)  # noqa: T201
    return error.exit_code


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
