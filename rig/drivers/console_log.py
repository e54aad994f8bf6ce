# SPDX-License-Identifier: MIT
"""Writes down what the console says, each line with its time, beside whoever talks to it."""

import datetime as dt
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from rig.drivers.console_stream import ConsoleStream
from rig.errors import BenchError
from rig.secrecy import hide

if TYPE_CHECKING:
    from collections.abc import Callable

TAIL_LINES = 120
LINE_MAX = 1 << 12  # bytes: what has no line end, as noise on a floating RX line, is cut here


def cut_lines(said: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines of `said`, and its end that is none yet."""
    *lines, rest = said.split(b"\n")
    while len(rest) >= LINE_MAX:
        lines.append(rest[:LINE_MAX])
        rest = rest[LINE_MAX:]
    return lines, rest


class ConsoleLog:
    """Hears all that the console's driver reads.  `to` chooses the file."""

    def __init__(self, stream: ConsoleStream) -> None:
        self._stream = stream
        self._file: TextIO | None = None
        self._lock = threading.Lock()
        self._line = b""
        self._gone: str | None = None  # why the console says nothing any more
        self._full: str | None = None  # why nothing can be written any more
        self.hear: Callable[[str], None] | None = None  # told each line as it comes
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    def __enter__(self) -> Self:
        self._stream.hear, self._stream.lose = self._take, self._lose
        try:
            self._stream.open()
        except BenchError as error:  # of a console that nobody may need: whoever does says so
            self._gone = str(error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stream.hear = self._stream.lose = None
        self.to(None)

    @property
    def lost(self) -> str | None:
        """Say why nothing is recorded any more; None: all is."""
        return self._full or self._gone

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

    def _lose(self, why: str | None) -> None:
        self._gone = why

    def _take(self, data: bytes) -> None:
        lines, self._line = cut_lines(self._line + data)
        for whole in lines:
            self._write(whole)

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
                    self._full = str(error)
                    self._file = None
