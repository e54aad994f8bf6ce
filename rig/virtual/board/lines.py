# SPDX-License-Identifier: MIT
"""A serial line: QEMU on one end, a pty with the real ser2net (RFC 2217) on the other.

The line outlives every power cut, as a cable does.  Bytes that nobody takes are lost, as on a
cable.  One blocking thread a line: it can stamp each pulse within microseconds of its arrival.
"""

import contextlib
import fcntl
import os
import pty
import random
import select
import socket
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path

from rig.virtual.board.serial_server import SerialServer
from rig.virtual.short_path import short

CHUNK_BYTES = 4096
POLL_S = 0.5
TALK = "[%12.6f] jffs2: notice: (79) check_node_data: wrong data CRC in data node at 0x%08x\r\n"


class SerialLine:
    """One UART of the board.  `received` hears every chunk from the board, with its time.

    `put` hears when a pulse was put on the line by `put_pulse`.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        port: int,
        received: Callable[[bytes, float], None] | None = None,
        put: Callable[[float], None] | None = None,
    ) -> None:
        self.name = name
        self._folder = folder
        self._received = received
        self._put = put
        self._pulse, self._pulsed = socket.socketpair()
        self._board: socket.socket | None = None
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._pty, self._cable = pty.openpty()
        self._serial_server = SerialServer(name, folder, os.ttyname(self._cable), port)
        self._closing = False
        self._random = random.Random(1)  # noqa: S311 # where the talk falls, not a secret
        self._talk_s = 0.0  # from one message to the next; 0: none
        self._talked_s = 0.0
        self._connected_s = 0.0
        self.talked = 0  # messages so far

    async def open(self) -> None:
        """Start pumping and ser2net."""
        for end in (self._pty, self._cable):
            tty.setraw(end)
        flags = fcntl.fcntl(self._pty, fcntl.F_GETFL)
        fcntl.fcntl(self._pty, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        path = short(self._folder) / f"{self.name}.sock"
        path.unlink(missing_ok=True)
        self._server.bind(str(path))
        self._server.listen(1)
        threading.Thread(target=self._pump, name=f"line-{self.name}", daemon=True).start()
        await self._serial_server.open()

    async def ready(self) -> None:
        """Wait until the rig's end is served; BenchError if it is not."""
        await self._serial_server.ready()

    async def close(self) -> None:
        self._closing = True
        await self._serial_server.close()
        self._server.close()

    def inject(self, data: bytes) -> None:
        """Put noise on the line towards the rig (control channel only)."""
        self._to_rig(data)

    def talk(self, rate_hz: float) -> None:
        """Make the kernel talk so often, into whatever the board says (control channel only)."""
        self._talk_s = 1.0 / rate_hz if rate_hz else 0.0

    def put_pulse(self) -> None:
        """Put a pulse on the line's far end, to be stamped as the board's are."""
        self._pulse.send(b"p")

    def _to_rig(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._pty, data)

    def _pump(self) -> None:
        poll = select.poll()
        poll.register(self._server, select.POLLIN)
        poll.register(self._pty, select.POLLIN)
        poll.register(self._pulsed, select.POLLIN)
        while not self._closing:
            for fd, _ in poll.poll(1000 * min(POLL_S, self._talk_s or POLL_S)):
                try:
                    self._take(poll, fd)
                except OSError:
                    if self._closing:
                        return
            if message := self._message():
                self._to_rig(message)

    def _message(self) -> bytes:
        """Return what the kernel says now, if anything; a board that is off says nothing."""
        now_s = time.monotonic()
        if not self._talk_s or not self._board or now_s < self._talked_s + self._talk_s:
            return b""
        self._talked_s = now_s
        self.talked += 1
        return (TALK % (now_s - self._connected_s, self.talked)).encode()

    def _take(self, poll: select.poll, fd: int) -> None:
        if fd == self._server.fileno():
            self._connect(poll)
        elif fd == self._pulsed.fileno():
            self._pulsed.recv(1)
            if self._put:
                self._put(time.monotonic())
        elif fd == self._pty:
            typed = os.read(self._pty, CHUNK_BYTES)
            if self._board:
                with contextlib.suppress(OSError):
                    self._board.send(typed)
        else:
            self._from_board(poll)

    def _connect(self, poll: select.poll) -> None:
        board, _ = self._server.accept()
        board.setblocking(False)
        if self._board:
            self._disconnect(poll)
        self._board, self._connected_s = board, time.monotonic()
        poll.register(board, select.POLLIN)

    def _disconnect(self, poll: select.poll) -> None:
        if self._board:
            poll.unregister(self._board)
            self._board.close()
            self._board = None

    def _from_board(self, poll: select.poll) -> None:
        if not self._board:
            return
        try:
            data = self._board.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._disconnect(poll)
            return
        if self._received:
            self._received(data, time.monotonic())
        if message := self._message():
            at = self._random.randrange(len(data))
            data = data[:at] + message + data[at:]
        self._to_rig(data)
