# SPDX-License-Identifier: MIT
"""A firmware build that is killed, meets another one, or has no place to write to."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.build.step import Cache, Context, Step

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 60.0
# A build with one step, whose program says that it runs and holds a pipe open while it does.
PROGRAM = """
import signal, sys
from pathlib import Path
sys.path.insert(0, ".")
from firmware.build import run, shell
from firmware.build.step import Cache, Step

pipe, root = sys.argv[1], Path(sys.argv[2])

def make(context):
    words = ["sh", "-c", f"exec 9>{pipe}; echo on >&9; exec sleep 600"]
    shell.run(words, cwd=context.work, log=context.log, env=context.env)

signal.signal(signal.SIGTERM, signal.default_int_handler)
run.build(Step("slow", make, {}), Cache(root), shell.environment(0), run.Progress())
"""


def read(pipe: int, size: int) -> bytes:
    """Read from a program's pipe; b"" when it has ended."""
    ready, _, _ = select.select([pipe], [], [], LIMIT_S)
    assert ready, "nothing came, and the program did not end"
    return os.read(pipe, size)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[int]:
    os.mkfifo(tmp_path / "pipe")
    descriptor = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_takes_its_programs_with_it(
    tmp_path: Path, pipe: int, sent: signal.Signals
) -> None:
    program = tmp_path / "build.py"
    program.write_text(PROGRAM)
    words = [sys.executable, str(program), str(tmp_path / "pipe"), str(tmp_path / "cache")]
    with subprocess.Popen(words, cwd=ROOT) as build:
        assert read(pipe, 8) == b"on\n"
        build.send_signal(sent)
        build.wait(LIMIT_S)

    assert read(pipe, 8) == b"", "its program has ended, too"
    left = list((tmp_path / "cache").glob("work-*"))
    assert bool(left) is (sent == signal.SIGKILL)
    Cache(tmp_path / "cache").sweep()
    assert not list((tmp_path / "cache").glob("work-*"))


def step(make: object) -> Step:
    return Step("sample", make, {})  # type: ignore[arg-type]


def test_two_builds_at_once_make_a_step_once_and_no_one_sweeps_it_away(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    made = []

    def make(context: Context) -> None:
        begun.set()
        assert go_on.wait(LIMIT_S)
        made.append(context.work.is_dir())
        (context.out / "result").write_text("whole")

    one, other = Cache(tmp_path), Cache(tmp_path)
    builds = [
        threading.Thread(target=cache.build, args=(step(make), {}, 1)) for cache in (one, other)
    ]
    for build in builds:
        build.start()
    assert begun.wait(LIMIT_S)
    other.sweep()
    go_on.set()
    for build in builds:
        build.join(LIMIT_S)

    assert made == [True]
    assert (one.path(step(make)) / "result").read_text() == "whole"


def test_a_step_that_fails_leaves_nothing_that_looks_built(tmp_path: Path) -> None:
    def make(context: Context) -> None:
        (context.out / "half").write_text("half")
        raise ZeroDivisionError

    cache = Cache(tmp_path)
    with pytest.raises(ZeroDivisionError):
        cache.build(step(make), {}, 1)

    assert not cache.has(step(make))
    assert not list(tmp_path.glob("work-*"))


def test_a_cache_that_cannot_be_written_is_no_difference_and_no_traceback() -> None:
    """Exit code 1 would say that `check` has found a difference."""
    done = subprocess.run(
        [sys.executable, "-m", "firmware.build", "build"],
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": "/dev/null"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "set XDG_CACHE_HOME" in done.stderr
