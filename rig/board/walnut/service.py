# SPDX-License-Identifier: MIT
"""The service's datagrams, docs/reference/service-protocol.md, and a client for single ones."""

import socket
import struct
from dataclasses import dataclass
from typing import Self

from rig.clock import Clock, Deadline
from rig.errors import BoardError, SilentServiceError

REQUEST = struct.Struct(">4sB3xQQQ")  # magic, kind, zero, sequence, session, value
ANSWER = struct.Struct(">4sBBHQQQQQQ16s16s8x")
REQUEST_MAGIC = b"WRQ1"
ANSWER_MAGIC = b"WRA1"
ECHO, STORE = 0, 1  # kinds
OK, REFUSED, NOT_STORED, NO_ROOM = 0, 1, 2, 3  # status
SILENCE = "silence"
SHOUT_S = 2e-3  # between two requests that wait for no answer
SHOWN_BYTES = 16  # of a datagram that is no answer
SESSION = 0x57414C4E5554  # "WALNUT": where the rig keeps its mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the service; the fields are those of the table."""

    kind: int
    status: int
    state_layout: int
    sequence: int
    session: int
    value: int
    counter: int
    sessions: int
    ticks: int
    boot_id: str
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the service holds of the rig: the value of its session, and the state around it."""

    value: int
    counter: int
    sessions: int
    release: str

    @property
    def state(self) -> tuple[int, int, int]:
        return (self.value, self.counter, self.sessions)


def pack_echo(sequence: int) -> bytes:
    return REQUEST.pack(REQUEST_MAGIC, ECHO, sequence, 0, 0)


def pack_store(sequence: int, session: int, value: int) -> bytes:
    return REQUEST.pack(REQUEST_MAGIC, STORE, sequence, session, value)


def unpack(datagram: bytes) -> Answer:
    """Read an answer.

    Raises:
        ValueError: it is none.
    """
    if len(datagram) != ANSWER.size:
        raise ValueError(f"an answer has {ANSWER.size} bytes, not {len(datagram)}")
    magic, kind, status, layout, *numbers, boot_id, release = ANSWER.unpack(datagram)
    if magic != ANSWER_MAGIC:
        raise ValueError(f"an answer starts with {ANSWER_MAGIC!r}, not {magic!r}")
    if any(datagram[ANSWER.size - 8 :]):
        raise ValueError("the last 8 bytes of an answer are zero")
    sequence, session, value, counter, sessions, ticks = numbers
    return Answer(
        kind=kind,
        status=status,
        state_layout=layout,
        sequence=sequence,
        session=session,
        value=value,
        counter=counter,
        sessions=sessions,
        ticks=ticks,
        boot_id=boot_id.hex(),
        release=_text(release),
    )


def _text(padded: bytes) -> str:
    text, _, rest = padded.partition(b"\0")
    if any(rest):
        raise ValueError(f"release {padded!r} is not NUL-padded")
    return text.decode("ascii")  # UnicodeDecodeError is a ValueError


class ServiceClient:
    """Asks the board's service one question at a time.

    A new socket for each try: an answer that comes late finds nobody and cannot be taken for
    the next one.
    """

    RETRY_S = 0.2  # between two tries of one question

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self.address = (host, port)
        self._clock = clock
        self._sequence = 0
        self._seen = SILENCE  # since the last answer

    @property
    def name(self) -> str:
        return f"the service at {self.address[0]}:{self.address[1]}"

    def echo(self, deadline_s: float = 1.0) -> Answer | None:
        """Ask once for an answer; None after `deadline_s` of silence."""
        self._sequence += 1
        return self._ask(pack_echo(self._sequence), Deadline.after(self._clock, deadline_s))

    def shout(self, requests: int) -> None:
        """Send `requests` and wait for no answer."""
        with _Question(self.address) as link:
            for _ in range(requests):
                self._sequence += 1
                link.send(pack_echo(self._sequence))
                self._clock.sleep(SHOUT_S)

    def store(self, session: int, value: int, deadline_s: float) -> Answer:
        """Store `value` in `session`; ask again while there is silence.

        A repeated store is acknowledged and not counted, so asking again is safe.

        Raises:
            SilentServiceError: no answer within `deadline_s`.
        """
        deadline = Deadline.after(self._clock, deadline_s)
        self._seen = SILENCE
        while not deadline.passed:
            self._sequence += 1
            request = pack_store(self._sequence, session, value)
            tried = Deadline.after(self._clock, min(1.0, deadline.left_s))
            if (answer := self._ask(request, tried)) is not None:
                return answer
            self._clock.sleep(min(self.RETRY_S, deadline.left_s))
        raise SilentServiceError(
            f"{self.name} did not answer a store of {value} in session {session}"
            f" within {deadline_s:.1f} s; last seen: {self._seen}",
            silent_s=deadline_s,
        )

    def try_store(self, session: int, value: int, deadline_s: float = 1.0) -> Answer | None:
        """Ask once for `value` to be stored; None after `deadline_s` of silence."""
        self._sequence += 1
        request = pack_store(self._sequence, session, value)
        return self._ask(request, Deadline.after(self._clock, deadline_s))

    def mark(self, deadline_s: float) -> Mark:
        """Store a new value that must survive, and return it.

        Not a clock's value: the same campaign must write the same bytes to the flash.

        Raises:
            BoardError: the service does not store it.
            SilentServiceError: it does not answer.
        """
        value = self.store(SESSION, 1, deadline_s).value + 1
        answer = self.store(SESSION, value, deadline_s)
        if answer.value != value:
            raise BoardError(
                f"the service kept {answer.value} in place of {value} (status {answer.status}):"
                " restore a golden flash, or look at its data partition"
            )
        return _mark(answer)

    def remembered(self, deadline_s: float) -> Mark:
        """Return what the service holds: a value that is too small is refused with the stored one.

        Raises:
            SilentServiceError: no answer within `deadline_s`.
        """
        return _mark(self.store(SESSION, 1, deadline_s))

    def wait_up(self, deadline: Deadline, release: str | None = None) -> Answer:
        """Wait until the service answers, and with `release` when that is given.

        Raises:
            BoardError: it did not until `deadline`; SilentServiceError: it did not answer at all.
        """
        began_s, answered = self._clock.now(), False
        self._seen = SILENCE
        while not deadline.passed:
            answer = self.echo(min(0.5, deadline.left_s))
            if answer is not None:
                self._seen = f"an answer of release {answer.release}"
                if release in (None, answer.release):
                    return answer
                answered = True
            self._clock.sleep(min(self.RETRY_S, deadline.left_s))
        wanted = f"an answer of release {release}" if release else "an answer"
        waited_s = self._clock.now() - began_s
        said = f"{self.name} gave not {wanted} within {waited_s:.1f} s; last seen: {self._seen}"
        raise BoardError(said) if answered else SilentServiceError(said, silent_s=waited_s)

    def _ask(self, request: bytes, deadline: Deadline) -> Answer | None:
        """Return the answer that carries the request's kind and sequence number."""
        _, kind, sequence, _, _ = REQUEST.unpack(request)
        with _Question(self.address) as link:
            link.send(request)
            while not deadline.passed:
                answer = link.receive(deadline.left_s)
                if answer and (answer.kind, answer.sequence) == (kind, sequence):
                    return answer
                if answer:
                    self._seen = f"an answer to question {answer.sequence}, which was not asked now"
                self._seen = link.seen or self._seen
                if link.refused:  # nobody listens: the caller decides when to ask again
                    return None
        return None


def _mark(answer: Answer) -> Mark:
    return Mark(
        value=answer.value,
        counter=answer.counter,
        sessions=answer.sessions,
        release=answer.release,
    )


class _Question:
    """A connected UDP socket that takes ICMP errors for silence, and notes what is no answer."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._address = address
        self._request = b""
        self.refused = False
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, request: bytes) -> None:
        self._request = request
        try:
            self._socket.connect(self._address)
            self._socket.send(request)
        except OSError as error:  # unreachable while the board is off
            self._refuse(error)

    def receive(self, left_s: float) -> Answer | None:
        self._socket.settimeout(max(left_s, 1e-3))
        try:
            datagram = self._socket.recv(2048)
        except TimeoutError:
            return None
        except OSError as error:
            self._refuse(error)
            return None
        try:
            return unpack(datagram)
        except ValueError as error:  # wait on
            shown = datagram[:SHOWN_BYTES]
            self.seen = f"a datagram that begins with {shown!r} and is none of walnutd's ({error})"
            if datagram == self._request:
                self.seen = "its own question, sent back: an echo service, not walnutd"
            return None

    def _refuse(self, error: OSError) -> None:
        self.refused = True
        self.seen = f"no service there ({error.strerror or error})"
