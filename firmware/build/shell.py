# SPDX-License-Identifier: MIT
"""Run the programs that build, their output in a log, always in the same environment."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from firmware.build.errors import BuildError

LOG_TAIL_LINES = 30
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_running: set[subprocess.Popen[bytes]] = set()


def environment(epoch: int) -> dict[str, str]:
    """Everything a build tool may know of this machine; the rest would end up in the files."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(epoch),
        "KBUILD_BUILD_TIMESTAMP": f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d %H:%M:%S UTC}",
        "KBUILD_BUILD_USER": "walnut",
        "KBUILD_BUILD_HOST": "rig",
        "KBUILD_BUILD_VERSION": "1",
        "LOCALVERSION": "",  # no "+" because the cache lies in somebody's git checkout
        **{key: os.environ[key] for key in PROXIES if key in os.environ},
    }


def run(command: Sequence[object], *, cwd: Path, log: Path, env: Mapping[str, str]) -> None:
    """Run to the end; BuildError with the log's tail when it fails."""
    words = [str(word) for word in command]
    if shutil.which(words[0], path=env.get("PATH")) is None:
        raise BuildError(
            f"{words[0]!r} is not installed: firmware/packages.txt lists what the build needs"
        )
    with log.open("a") as stream:
        stream.write(f"$ {' '.join(words)}\n")
        stream.flush()
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *words],  # it ends when this build is killed
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        _running.add(process)
        code = process.wait()
        _running.discard(process)
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
        raise BuildError(f"{tail}\n{words[0]} failed ({code}); the whole log: {log}")


def stop() -> None:
    """End every program that runs; the steps that wait for them fail."""
    for process in list(_running):
        process.terminate()


def output(command: Sequence[object], *, cwd: Path | None = None) -> str:
    """Run a short program and return what it prints."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BuildError(
            f"{words[0]!r} is not installed: firmware/packages.txt lists what the build needs"
        ) from error
    if done.returncode:
        raise BuildError(f"{' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout
