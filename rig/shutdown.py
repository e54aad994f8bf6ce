# SPDX-License-Identifier: MIT
"""Ends a run in good order, whoever asks: Ctrl-C, a service manager, a session that is gone.

Each request becomes a KeyboardInterrupt, for on its way out everything is put in order: the board
is switched off, records are finished, locks given back.  One that our starter had ignored (`nohup`,
a shell's background job) stays ignored.
"""

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rig.clock import Clock, SystemClock

# Ctrl-C; systemd, cron and build servers; a terminal or a remote session that ended
REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# One request may come twice: a terminal tells everybody, and a command its children.
SAME_S = 1.0

# Environment of a run: id of the process whose run it is, and a descriptor of its standard error
COMMAND, SAID_TO = "WALNUT_COMMAND", "WALNUT_SAID_TO"

_children: list[tuple["subprocess.Popen[bytes]", tuple[int, ...]]] = []
_starting: list[list[int]] = []  # while a child is: requests that came, and that it must hear of


class Once:
    """The handler of a process that puts things in order as soon as it is asked to stop.

    What was asked already is not asked again, for it would interrupt just that.  Only a person who
    presses Ctrl-C once more, later, means it.  `tell` is whom to pass a request on to.
    """

    def __init__(self, clock: Clock, tell: Callable[[int], None] = lambda _: None) -> None:
        self._clock = clock
        self._tell = tell
        self._terminal = _terminal()
        self._asked_s: float | None = None

    @property
    def asked(self) -> bool:
        return self._asked_s is not None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        del frame
        if _starting:
            _starting[-1].append(number)
            return
        now_s, asked_s = self._clock.now(), self._asked_s
        if asked_s is None or (number == signal.SIGINT and now_s - asked_s >= SAME_S):
            self._asked_s = now_s  # first, for the same request may come while we do the rest
            _leave(self._terminal)
            self._tell(number)
            raise KeyboardInterrupt


def start(
    words: Sequence[str],
    *,
    tells: Sequence[int] = REQUESTS,
    **options: Any,  # noqa: ANN401 # Popen's
) -> "subprocess.Popen[bytes]":
    """Start a child, as Popen; while `passed_on` is in force it hears the requests in `tells`."""
    with _requests_wait():
        child: subprocess.Popen[bytes] = subprocess.Popen(words, **options)
        _children[:] = [entry for entry in _children if entry[0].poll() is None]
        _children.append((child, tuple(tells)))
    return child


@contextmanager
def _requests_wait() -> Iterator[None]:
    """Have a request wait until the child that is being started can be told of it.

    Else it would end us between the child's start and the note that there is one.
    """
    came: list[int] = []
    _starting.append(came)
    try:
        yield
    finally:
        _starting.remove(came)
        for number in came:
            signal.raise_signal(number)


def _tell_children(number: int) -> None:
    for child, tells in _children:
        if number in tells:
            child.send_signal(number)  # does nothing when it is known to have ended


def _terminal() -> int:
    """Return the device of the terminal that we were started from, 0 without one (proc(5))."""
    _, _, fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")
    number = int(fields.split()[4])
    return os.makedev(number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00)


def _leave(terminal: int) -> None:
    """If it is gone, have what is written to it go nowhere: the way out must not fail at it.

    Also where pytest has put it aside while it captures.
    """
    with Path(os.devnull).open("r+b", buffering=0) as nowhere:
        for entry in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):  # one was the folder's own
                if terminal and entry.stat().st_rdev == terminal:
                    poll = select.poll()
                    poll.register(int(entry.name), 0)
                    if any(events & select.POLLHUP for _, events in poll.poll(0)):
                        os.dup2(nowhere.fileno(), int(entry.name))


def passed_on() -> AbstractContextManager[None]:
    """Pass requests on to all that `start` has started, and end in good order."""
    return _handled(Once(SystemClock(), _tell_children))


def once() -> AbstractContextManager[None]:
    """End in good order on the first request, and let nothing but a second Ctrl-C disturb that."""
    return _handled(Once(SystemClock()))


def ended(code: int) -> bool:
    """Tell whether a child's exit code says that a request ended it before it could handle one."""
    return -code in REQUESTS


def with_command() -> None:
    """End in good order, too, when the command that started us is gone and could ask for nothing.

    Without a command there is nobody to follow: a shell's or a build server's end is its own way
    to ask.
    """
    number = os.environ.pop(COMMAND, None)  # what we start is ours, not the command's
    if number is None:
        return
    try:
        handle = os.pidfd_open(int(number))
    except ProcessLookupError:
        signal.raise_signal(signal.SIGTERM)
        return

    def follow() -> None:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True, name="command").start()


@contextmanager
def _handled(handler: Once) -> Iterator[None]:
    """Call `handler` for each request; for the main thread."""
    before = {number: signal.getsignal(number) for number in REQUESTS}
    mine = [number for number, old in before.items() if old is not signal.SIG_IGN]
    for number in mine:
        signal.signal(number, handler)
    try:
        yield
    finally:
        # The same request, coming late by another way, must not kill who is about to end.
        for number in mine:
            signal.signal(number, signal.SIG_IGN if handler.asked else before[number])
