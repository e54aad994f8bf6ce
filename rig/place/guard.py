# SPDX-License-Identifier: MIT
"""Outlives a run that was killed, and switches its board off.

A run can be ended so that nothing of it puts anything in order: by SIGKILL, as an out-of-memory
killer sends it.  A small process of its own, which knows nothing but the board's power, notices
that and does it.  It shares the run's lock of the place: nobody else begins there meanwhile.
"""

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

from rig import secrecy, shutdown
from rig.clock import Clock, Deadline, SystemClock
from rig.errors import BenchError, BoardOnError
from rig.place.file import environment
from rig.place.power_path import NO_SUPPLY, leave_off
from rig.place.remote import main_target
from rig.place.tenancy import Tenancy

READY_LIMIT_S = 60.0  # labgrid is slow to import on a busy computer
END_LIMIT_S = 20.0
TRY_S = 30.0  # for so long a board is switched off again and again
AGAIN_S = 1.0
READY, IN_ORDER = b"ready\n", b"in order\n"


class Guard:
    """The process, as its run sees it.  `held` are descriptors that it keeps open as long."""

    def __init__(self, place: Path, held: tuple[int, ...], clock: Clock) -> None:
        self._place = place
        self._held = held
        self._clock = clock
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        words = [sys.executable, "-m", __name__, str(self._place.resolve()), str(os.getpid())]
        named = os.environ.get(shutdown.SAID_TO)
        said_to = int(named) if named else None
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said_to,
            pass_fds=self._held,
            start_new_session=True,  # what ends the run's group or terminal must not end it
        )
        self._is_ready = False
        self._to = cast("IO[bytes]", process.stdin)
        self._from = cast("IO[bytes]", process.stdout)
        return process

    @property
    def number(self) -> int:
        """The process' id."""
        return self._process.pid

    def require(self) -> None:
        """Make sure that it is there, before the board gets its power.

        Raises:
            BenchError: it is not, and cannot be started.
        """
        if self._process.poll() is not None:
            self._close()
            self._process = self._start()
        if self._is_ready:
            return
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        if not poll.poll(READY_LIMIT_S * 1000) or self._from.readline() != READY:
            raise BenchError(
                f"no guard watches over the board's power (`python -m {__name__} {self._place}` did"
                " not get ready): a run that is killed would leave the board on, so none begins"
            )
        self._is_ready = True

    def dismiss(self) -> None:
        """End it: the board is in good order, or its owner knows that it is not."""
        with contextlib.suppress(BrokenPipeError):
            self._to.write(IN_ORDER)
            self._to.flush()
        try:
            self._process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:  # it hangs in a start that nobody needs any more
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self._to, self._from):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _watch(run: int) -> bool:
    """Wait for the run's end; tell whether it was in good order."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    try:
        handle = os.pidfd_open(run)  # somebody else may have the pipe's other end by mistake
    except ProcessLookupError:
        return False
    poll.register(handle, select.POLLIN)
    said = b""
    while True:
        ready = {number for number, _ in poll.poll()}
        if 0 in ready:
            said += (data := os.read(0, 64))
            if said == IN_ORDER:
                return True
            if not data:
                return False
        elif handle in ready:
            return False


class _Feed:
    """What the process knows of the place: how to take its board's power."""

    def __init__(self, path: Path) -> None:
        self._environment = environment(path)
        self._main = main_target(self._environment)
        self._tenancy = Tenancy(self._main)
        self._outlet = self._main.get_driver("WalnutStrategy", activate=False).power

    def take(self) -> None:
        """Switch the board off.

        Raises:
            BenchError: a part of the power path failed; says whether the board is off.
        """
        self._tenancy.check(to_switch_off=True)
        leave_off(self._switch_outlet, self._cut_output)

    def _switch_outlet(self) -> None:
        self._main.activate(self._outlet)
        self._outlet.off()

    def _cut_output(self) -> None:
        bench = self._environment.get_target("bench")
        for driver in bench.drivers if bench else ():
            if driver.name == "supply":
                bench.activate(driver)
                driver.instrument.output(False)
                return
        raise BenchError(NO_SUPPLY)


def _take(feed: _Feed, clock: Clock) -> str:
    """Try again and again; say how it ended."""
    deadline = Deadline.after(clock, TRY_S)
    while True:
        try:
            feed.take()
        except BoardOnError as error:
            if deadline.passed:
                return f"error ({error.who} must act): {error}"
            clock.sleep(AGAIN_S)
        except BenchError as error:
            return f"error ({error.who} must act): {error}"
        else:
            return "the board is off"


def main() -> int:
    """Guard the place file that is the first argument against the end of the process in the second.

    Exit code 0: the run ended in good order; 1: it did not, and standard error says what became of
    the board.
    """
    path, run = Path(sys.argv[1]), int(sys.argv[2])
    for number in shutdown.REQUESTS:
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.ERROR)
    secrecy.in_logs()
    feed = _Feed(path)
    with contextlib.suppress(BrokenPipeError):  # the run is gone already
        os.write(1, READY)
    if _watch(run):
        return 0
    said = _take(feed, SystemClock())
    with contextlib.suppress(OSError):  # so may be who listened to it
        os.write(2, f"{path.stem}: the run (process {run}) was killed; {said}\n".encode())
    return 1


if __name__ == "__main__":
    sys.exit(main())
