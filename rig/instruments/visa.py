# SPDX-License-Identifier: MIT
"""SCPI over VISA.  The only module that knows pyvisa, and what its sockets do when things break."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from rig.clock import Deadline, SystemClock
from rig.errors import BenchError, InstrumentError

log = logging.getLogger(__name__)

Reply = TypeVar("Reply")
AGAIN_S = 0.1
AGAIN_LIMIT_S = 1.0
LATE_MAX = 16  # answers that a failed exchange may have left behind
WAIT_CLOSED = b""  # what recv() says of a connection that the other side has closed


class VisaLink:
    """One instrument at a VISA resource name such as ``TCPIP0::HOST::PORT::SOCKET``.

    After any failed exchange the connection is dropped and the next one starts on a new
    connection, where the instrument first has to say who it is: behind a serial line or a LAN
    adapter an answer that comes late comes there, and is never taken for the next.  Threads may
    share it: their exchanges follow each other.
    """

    def __init__(
        self, resource: str, *, name: str, timeout_s: float = 5.0, backend: str = "@py"
    ) -> None:
        self.resource = resource
        self.name = name
        self.timeout_s = timeout_s
        self.is_new = True
        self._backend = backend
        self._session: Any = None
        self._may_be_late = False  # the answer of an exchange that failed
        self._busy = threading.RLock()

    def query(self, command: str) -> str:
        return self._exchange(command, lambda session: str(session.query(command)).strip("\r\n"))

    def write(self, command: str) -> None:
        self._exchange(command, lambda session: session.write(command))

    def query_block(self, command: str) -> bytes:
        """Ask for a definite-length block (IEEE 488.2, 8.7.9); the indefinite form is refused."""

        def ask(session: Any) -> bytes:  # noqa: ANN401 (pyvisa's own type is imported lazily)
            session.write(command)
            with session.read_termination_context(None):
                return _read_block(session.read_bytes)

        return self._exchange(command, ask)

    def write_block(self, command: str, data: bytes) -> None:
        """Send `command` followed by `data` as a definite-length block."""
        length = str(len(data))
        message = f"{command}#{len(length)}{length}".encode("ascii") + data + b"\n"
        self._exchange(command, lambda session: session.write_raw(message))

    def alone(self) -> contextlib.AbstractContextManager[object]:
        return self._busy

    def close(self) -> None:
        with self._busy:
            session, self._session = self._session, None
            self.is_new = True
            if session is not None:
                with contextlib.suppress(Exception):  # it is given up, whatever it says
                    session.close()

    def _exchange(self, command: str, act: Callable[[Any], Reply]) -> Reply:
        from pyvisa.errors import VisaIOError  # noqa: PLC0415 (0.3 s that most commands do not need)

        with self._busy:
            if self._session is None:
                self._session = self._open()
            try:
                if self._may_be_late:
                    self._pass_by()
                return act(self._session)
            except (VisaIOError, OSError, ValueError) as error:  # UnicodeError is a ValueError
                reply = self._describe(error)
                self._give_up()
                raise InstrumentError(self.name, command=command, reply=reply) from error
            except BaseException:  # Ctrl-C between question and answer: nobody may read the answer
                self._give_up()
                raise

    def _give_up(self) -> None:
        self.close()
        self._may_be_late = True

    def _pass_by(self) -> None:
        """Read away what answers others, up to the answer that says who is there."""
        self._session.write("*IDN?")
        for _ in range(LATE_MAX):
            said = bytes(self._session.read_raw())
            if said.isascii() and said.count(b",") == 3:  # IEEE 488.2, 10.14: four fields
                self._may_be_late = False
                return
            log.warning("%s answered too late, and nobody heard it: %r", self.name, said[:80])
        raise ValueError("it does not say who it is")

    def _open(self) -> Any:  # noqa: ANN401 (pyvisa's own type is imported lazily)
        """Connect, and again when that is refused: some instruments have one connection to give.

        The one that was given up may still be taken for a moment.
        """
        clock = SystemClock()
        deadline = Deadline.after(clock, AGAIN_LIMIT_S)
        while True:
            try:
                return self._connect()
            except Exception as error:  # pyvisa-py raises a plain one for an unreachable host
                if deadline.left_s < AGAIN_S:
                    raise BenchError(
                        f"{self.name} cannot be reached at {self.resource} within"
                        f" {self.timeout_s:.1f} s: {error}; is it on, and its address right?"
                    ) from error
            clock.sleep(AGAIN_S)

    def _connect(self) -> Any:  # noqa: ANN401 (see above)
        import pyvisa  # noqa: PLC0415 (0.3 s that most commands do not need)

        wait_ms = int(self.timeout_s * 1000)
        session: Any = pyvisa.ResourceManager(self._backend).open_resource(
            self.resource, read_termination="\n", write_termination="\n", open_timeout=wait_ms
        )
        try:
            session.timeout = wait_ms
            if (link := _socket_of(session)) is not None:
                _prepare(link)
        except OSError:
            session.close()
            raise
        return session

    def _describe(self, error: Exception) -> str:
        link = _socket_of(self._session)
        if link is not None and _closed(link):
            return f"a closed connection ({error})"
        if isinstance(error, UnicodeError):
            return f"garbage ({error})"
        if isinstance(error, ValueError):
            return f"not what was asked for ({error})"
        if isinstance(error, OSError):
            return f"a broken connection ({error})"
        return f"nothing within {self.timeout_s:.1f} s ({error})"


def _read_block(read: Callable[[int], bytes]) -> bytes:
    head = bytes(read(2))
    if head[:1] != b"#" or not head[1:].isdigit() or head[1:] == b"0":
        raise ValueError(f"it starts with {head!r}")
    digits = bytes(read(int(head[1:])))
    if not digits.isdigit():
        raise ValueError(f"its length is {digits!r}")
    length = int(digits)
    data = bytes(read(length)) if length else b""
    if (end := bytes(read(1))) != b"\n":
        raise ValueError(f"{end!r} follows it")
    return data


def _socket_of(session: Any) -> socket.socket | None:  # noqa: ANN401 (see above)
    """Return the socket below a pyvisa-py session, None with another backend or a serial line."""
    sessions = getattr(getattr(session, "visalib", None), "sessions", {})
    link = getattr(sessions.get(getattr(session, "session", None)), "interface", None)
    return link if isinstance(link, socket.socket) else None


def _prepare(link: socket.socket) -> None:
    """Do what pyvisa-py leaves out: find a refused connection, switch Nagle's algorithm off.

    pyvisa-py takes a refused port for an open one, and Nagle costs 40 ms a write.
    """
    if code := link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, "connection refused")
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _closed(link: socket.socket) -> bool:
    """Tell a closed connection, which pyvisa-py reports as a timeout, from silence."""
    try:
        return link.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == WAIT_CLOSED
    except BlockingIOError:
        return False
    except OSError:
        return True
