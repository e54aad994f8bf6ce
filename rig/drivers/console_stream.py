# SPDX-License-Identifier: MIT
"""All that a console says, read once: for its one client, and for a log beside it.

A serial port has room for one client, and of ser2net's ports most have. So whoever else wants to
hear listens to what the driver reads, and the driver reads all the time.
"""

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

import pexpect

from rig.clock import Deadline, SystemClock
from rig.drivers.console_port import check
from rig.drivers.within import activate
from rig.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

OPEN_LIMIT_S = 2.0
AGAIN_S = 0.5
READ_S = 0.1
CHUNK = 4096
UNREAD_MAX = 1 << 22  # bytes that nobody asks for, as noise through a night
STOP_LIMIT_S = 5.0


class ConsoleStream:
    """Stands between one of labgrid's console drivers and its port, from then on.

    `_read` is all of a driver that reads its port; labgrid offers no other way in. Its methods that
    are steps are not for threads (labgrid keeps the steps of all threads in one list).
    """

    def __init__(self, console: Any, where: str) -> None:  # noqa: ANN401 # labgrid is untyped
        self.where = where
        self.hear: Callable[[bytes], None] | None = None  # told all bytes as they come
        self.lose: Callable[[str | None], None] | None = None  # told why there are no more
        self._console = console
        self._read_port = console._read  # noqa: SLF001
        self._activate, self._deactivate = console.on_activate, console.on_deactivate
        self._unread = bytearray()
        self._news = threading.Condition()
        self._failure: Exception | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        console._read = self.read  # noqa: SLF001
        console.on_activate, console.on_deactivate = self._start, self._stop

    def open(self) -> None:
        """Open the console through labgrid.

        Raises:
            BenchError: it does not.
        """
        activate(self._console, f"the console ({self.where})")

    def read(self, size: int = 1, timeout: float = 0.0, max_size: int | None = None) -> bytes:
        """Return what has come, at least a byte; as the driver's own `_read`."""
        del size  # a hint to the driver
        with self._news:
            self._news.wait_for(lambda: self._unread or self._failure, timeout)
            if self._unread:
                found = bytes(self._unread[: max_size or None])
                del self._unread[: len(found)]
                return found
            if self._failure:
                raise OSError(str(self._failure)) from self._failure
        raise pexpect.TIMEOUT(f"the console said nothing for {timeout:.2f} s")

    def _open_port(self) -> None:
        """Open it, and again when that fails: its server may have to let go of another client.

        Raises:
            OSError: it cannot be opened; says why, in its server's words if there are any.
        """
        clock = SystemClock()
        deadline = Deadline.after(clock, OPEN_LIMIT_S)
        while True:
            try:
                self._activate()
            except Exception as error:  # drivers raise anything
                if deadline.left_s < AGAIN_S:
                    raise OSError(self._reason() or str(error)) from error
                log.warning("the console (%s) is opened again: %s", self.where, error)
                clock.sleep(AGAIN_S)
            else:
                return

    def _reason(self) -> str:
        try:
            check(self._console)
        except BenchError as error:
            return str(error)
        except OSError:
            pass  # the driver has said so
        return ""

    def _start(self) -> None:
        self._open_port()
        self._over.clear()
        self._failure = None
        self._unread.clear()
        if self.lose:
            self.lose(None)
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join(STOP_LIMIT_S)
        try:
            self._deactivate()
        except Exception as error:  # noqa: BLE001 # a port that died cannot be closed
            log.warning("the console (%s) was not closed: %s", self.where, error)

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                if data := self._port(1, READ_S):
                    self._take(data if len(data) > 1 else data + self._port(CHUNK, 0.0))
                else:
                    self._over.wait(READ_S / 10)  # some drivers do not wait
        except Exception as error:  # noqa: BLE001 # a port that is gone; drivers raise anything
            with self._news:
                self._failure = error
                self._news.notify_all()
            if self.lose and not self._over.is_set():
                self.lose(str(error))

    def _port(self, size: int, timeout_s: float) -> bytes:
        """Read the port; nothing when nothing came."""
        with contextlib.suppress(pexpect.TIMEOUT):
            return bytes(self._read_port(size=size, timeout=timeout_s))
        return b""

    def _take(self, data: bytes) -> None:
        with self._news:
            self._unread += data
            del self._unread[:-UNREAD_MAX]
            self._news.notify_all()
        if self.hear:
            self.hear(data)
