# SPDX-License-Identifier: MIT
"""Writes down what the console says, each line with its time, beside whoever talks to it."""

import datetime as dt
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

import serial

from rig.secrecy import hide

if TYPE_CHECKING:
    from collections.abc import Callable

READ_S = 0.1
OPEN_LIMIT_S = 10.0
TAIL_LINES = 120


class ConsoleLog:
    """A second client of the RFC 2217 port, in a thread.  `to` chooses the file.

    Args:
        url: pyserial URL, for example `rfc2217://127.0.0.1:29101?ign_set_control`.
    """

    def __init__(self, url: str, speed: int) -> None:
        self._url = url
        self._speed = speed
        self._file: TextIO | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._open = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console-log", daemon=True)
        self.lost: str | None = None  # why nothing is recorded any more
        self.hear: Callable[[str], None] | None = None  # told each line as it comes
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    def __enter__(self) -> Self:
        self._thread.start()
        # Two clients that negotiate at once confuse each other's RFC 2217 answers.
        self._open.wait(OPEN_LIMIT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(timeout=5.0)
        self.to(None)

    def to(self, path: Path | None) -> None:
        """Write to `path` from now on; None: nowhere."""
        with self._lock:
            if self._file:
                self._file.close()
            self._file = None
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("a", encoding="utf-8")

    def forget(self) -> None:
        """Start the tail anew."""
        self._tail.clear()

    def tail(self) -> list[str]:
        """Return the last lines since `forget`."""
        return list(self._tail)

    def _run(self) -> None:
        try:
            port = serial.serial_for_url(self._url, baudrate=self._speed, timeout=READ_S)
        except (serial.SerialException, OSError, ValueError) as error:
            self.lost = str(error)
            return
        finally:
            self._open.set()
        line = b""
        try:
            while not self._over.is_set():
                line += port.read(max(1, port.in_waiting))
                while b"\n" in line:
                    whole, line = line.split(b"\n", 1)
                    self._write(whole)
        except (serial.SerialException, OSError) as error:
            self.lost = str(error)
        finally:
            port.close()

    def _write(self, line: bytes) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        shown = hide(line.decode(errors="replace").rstrip("\r"))
        self._tail.append(shown)
        if self.hear:
            self.hear(shown)
        with self._lock:
            if self._file:
                try:
                    self._file.write(f"{now} {time.monotonic():.3f} {shown}\n")
                    self._file.flush()
                except OSError as error:  # a full disk ends the log, never the test
                    self.lost = str(error)
                    self._file = None
