# SPDX-License-Identifier: MIT
"""Start, ask and end the bench's daemon from another process."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rig.clock import Deadline, SystemClock
from rig.errors import BenchError, UsageError
from rig.state_folder import home
from rig.virtual.board.board import DIE_TOGETHER, TOOLS
from rig.virtual.daemon import CONTROL
from rig.virtual.short_path import shortly

START_LIMIT_S = 30.0
STOP_LIMIT_S = 15.0
ANSWER_LIMIT_S = 10.0


# Daemons outlive us on purpose; a Popen that is forgotten while its process runs would warn.
_started: list[subprocess.Popen[bytes]] = []


def default_state() -> Path:
    """Return `$XDG_STATE_HOME/walnut-rig/bench`."""
    return home() / "walnut-rig" / "bench"


def check_tools() -> None:
    """Name the Debian package of each tool that is missing."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    missing = [
        f"{tool} (Debian package {package})"
        for tool, package in TOOLS.items()
        if shutil.which(tool, path=path) is None
    ]
    if missing:
        raise BenchError(
            f"the virtual bench needs {', '.join(missing)}: `tools/set-up` installs them"
        )


def ask(state: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Exchange one request; BenchError if no bench answers, UsageError if it is refused."""
    try:
        with shortly(state) as near, socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_LIMIT_S)
            link.connect(str(near / CONTROL))
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile("rb") as answers:
                line = answers.readline()
    except OSError as error:
        raise BenchError(
            f"no bench is up in {state} ({error}): `rig bench up` starts it"
        ) from error
    if not line:
        raise BenchError(f"the bench in {state} ended while it was asked to {request['do']}")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise (UsageError if answer["who"] == "you" else BenchError)(answer["error"])
    return answer


def is_up(state: Path) -> bool:
    """Tell whether a bench answers in this state folder."""
    try:
        ask(state, {"do": "status"})
    except BenchError:
        return False
    return True


def start(
    state: Path,
    golden: Path,
    *,
    boards: int,
    first_board: int,
    tied: bool = False,
    models: Iterable[str] = (),
) -> None:
    """Start the daemon in the background and wait until every endpoint answers.

    A `tied` bench ends with the process that started it, even if that is killed.
    """
    check_tools()
    state.mkdir(parents=True, exist_ok=True)
    log_file = state / "bench.log"
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([environment.get("PATH", ""), "/usr/sbin"])
    command = [sys.executable, "-m", "rig.virtual.daemon", "--state", str(state)]
    command += ["--boards", str(boards), "--first-board", str(first_board)]
    command += ["--golden", str(golden)]
    command += [f"--model={model}" for model in models]
    if tied:
        command = [*DIE_TOGETHER, *command]
    with log_file.open("wb") as output:
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment,
        )
    _started.append(daemon)
    clock = SystemClock()
    deadline = Deadline.after(clock, START_LIMIT_S)
    while not is_up(state):
        if daemon.poll() is not None:
            lines = log_file.read_text(errors="replace").strip().splitlines() or ["no word"]
            raise BenchError(f"the bench did not start: {lines[-1].removeprefix('error: ')}")
        if deadline.passed:
            daemon.kill()
            raise BenchError(f"the bench did not start within {START_LIMIT_S} s, see {log_file}")
        clock.sleep(0.05)


def stop(state: Path) -> None:
    """End the daemon and wait until it has gone; no bench is no error."""
    if not is_up(state):
        return
    ask(state, {"do": "down"})
    clock = SystemClock()
    deadline = Deadline.after(clock, STOP_LIMIT_S)
    while (state / CONTROL).exists():
        if deadline.passed:
            raise BenchError(f"the bench in {state} does not end within {STOP_LIMIT_S} s")
        clock.sleep(0.05)
    for daemon in _started:
        if isinstance(daemon.args, list) and str(state) in daemon.args:
            daemon.wait(STOP_LIMIT_S)
