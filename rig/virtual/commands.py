# SPDX-License-Identifier: MIT
"""`rig bench …`: bring the virtual bench up and down, ask it, break it."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from rig import shutdown
from rig.board.catalogue import Catalogue
from rig.errors import UsageError
from rig.virtual import control
from rig.virtual.endpoints import Endpoints
from rig.virtual.instruments.models import choose

DEFAULT_RELEASE = "1.0.0"
INDEX = Path(__file__).resolve().parents[2] / "firmware" / "out" / "index.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `rig bench`'s subcommands to its parser."""
    parser.add_argument("--state", type=Path, help="state folder (default $XDG_STATE_HOME/…)")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, text in (("up", "start the bench"), ("run", "start, run a command, stop")):
        action = actions.add_parser(name, help=text)
        action.add_argument("--boards", type=int, default=1, help="how many (default 1)")
        action.add_argument("--first-board", type=int, default=1, help="number of the first")
        _add_image(action)
        action.add_argument(
            "--model",
            action="append",
            default=[],
            metavar="NAME=MODEL",
            help="another counter or supply, such as supply=rigol_dp832",
        )
        if name == "run":
            action.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    actions.add_parser("down", help="stop the bench")
    action = actions.add_parser("status", help="name every endpoint of every board")
    action.add_argument("--json", action="store_true", help="for programs")
    action = actions.add_parser("restore", help="program a whole flash (JTAG)")
    action.add_argument("--board", help="name or number (default: the first)")
    _add_image(action)
    action = actions.add_parser("fault", help="make the bench misbehave")
    action.add_argument("name", help="docs/reference/virtual-instruments.md; `clear` ends all")
    action.add_argument("value", nargs="?", default="1")
    action.add_argument("--board", help="name or number (default: the first)")


def _add_image(parser: argparse.ArgumentParser) -> None:
    image = parser.add_mutually_exclusive_group()
    image.add_argument("--golden", type=Path, help="a whole flash")
    image.add_argument("--release", default=DEFAULT_RELEASE, help="default %(default)s")


def _golden(arguments: argparse.Namespace) -> Path:
    if arguments.golden:
        return Path(arguments.golden).resolve()
    return Catalogue.load(INDEX).release(arguments.release).golden.resolve()


def main(arguments: argparse.Namespace) -> int:
    """Carry out one subcommand; errors are rig.errors'."""
    arguments.state = state = arguments.state or control.default_state()
    match arguments.action:
        case "up":
            _up(arguments)
            _show(state, as_json=False)
        case "down":
            control.stop(state)
        case "status":
            _show(state, as_json=arguments.json)
        case "restore":
            request = {"do": "restore", "board": arguments.board, "golden": str(_golden(arguments))}
            control.ask(state, request)
        case "fault":
            request = {"do": "fault", "board": arguments.board, "name": arguments.name}
            control.ask(state, request | {"value": arguments.value})
        case "run":
            return _run(arguments)
    return 0


def _up(arguments: argparse.Namespace, *, tied: bool = False) -> bool:
    """Start the bench unless it is up; tell whether it was started here.

    Raises:
        UsageError: a bench is up, and not the one that is asked for.
    """
    models = choose(arguments.model)  # a wrong one is the caller's, not the bench's
    if control.is_up(arguments.state):
        _check_up(arguments, models, more_will_do=tied)
        return False
    control.start(
        arguments.state,
        _golden(arguments),
        boards=arguments.boards,
        first_board=arguments.first_board,
        tied=tied,
        models=arguments.model,
    )
    return True


def _check_up(arguments: argparse.Namespace, models: dict[str, str], *, more_will_do: bool) -> None:
    """Refuse a bench that is up with other boards or models; one command may leave some idle."""
    numbers = range(arguments.first_board, arguments.first_board + arguments.boards)
    wanted = {Endpoints(number, arguments.state).name: models for number in numbers}
    boards = control.ask(arguments.state, {"do": "status"})["boards"]
    up = {board["name"]: board.get("models", {}) for board in boards}
    enough = {name: up[name] for name in wanted if name in up} if more_will_do else up
    if enough != wanted:
        raise UsageError(
            f"a bench is up in {arguments.state} with {_boards(up)}; asked for: {_boards(wanted)};"
            " give `rig bench down` first"
        )


def _boards(boards: dict[str, dict[str, str]]) -> str:
    return ", ".join(f"{name} ({', '.join(models.values())})" for name, models in boards.items())


def _show(state: Path, *, as_json: bool) -> None:
    status = control.ask(state, {"do": "status"})
    if as_json:
        print(json.dumps(status, indent=2))  # noqa: T201 # this is the command's output
        return
    for board in status["boards"]:
        power = "on" if board["powered"] else "off"
        print(f"{board['name']}: power {power}")  # noqa: T201
        for key in ("console", "heartbeat", "service"):
            entry = board[key]
            print(f"  {key:11}{entry['protocol']} {entry['host']}:{entry['port']}")  # noqa: T201
        print(f"  {'pdu':11}{board['pdu']['model']} {board['pdu']['host']}")  # noqa: T201
        for key in ("supply", "counter", "interposer", "gate"):
            print(f"  {key:11}{board[key]['visa']}")  # noqa: T201
        print(f"  {'flash':11}{board['flash']['file']}")  # noqa: T201
        for fault in board["faults"]:
            print(f"  FAULT      {fault}")  # noqa: T201


def _run(arguments: argparse.Namespace) -> int:
    """Bench up, command, bench down; a bench that was up already stays up."""
    command = list(arguments.command)
    if command[:1] == ["--"]:
        command = command[1:]
    if not command:
        print("rig bench run: no command after --", file=sys.stderr)  # noqa: T201
        return 2
    ours = _up(arguments, tied=True)
    bin_folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([bin_folder, os.environ.get("PATH", "")])
    # Of Ctrl-C the terminal has told it already; a shell that hears more forgets its own children.
    tells = (signal.SIGTERM, signal.SIGHUP)
    child = shutdown.start(command, tells=tells, env={**os.environ, "PATH": path})
    try:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue  # the child was told, too: let it end in good order
    finally:
        if ours:
            control.stop(arguments.state)
