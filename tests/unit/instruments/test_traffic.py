# SPDX-License-Identifier: MIT
"""The traffic probe: what it sends and records over loopback, and what is made of a record."""

import contextlib
import errno
import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from rig.board.walnut import service
from rig.clock import Deadline, SystemClock
from rig.errors import BenchError
from rig.instruments import traffic_process
from rig.instruments.traffic import RECORD, Answers, Identity, TrafficProbe, digest
from rig.instruments.traffic_process import (
    ANSWER,
    BEGIN,
    CORRUPT,
    FAILED,
    PROGRESS,
    SKIPPED,
    STAMP_SLACK_S,
    Sender,
    connect,
)

PERIOD_S = 1e-3
LATE_S = 0.02
BOARD = Identity((b"b" * 16).hex(), "1.0.0", 1)
RATE_HZ = 500.0
WAIT_S = 10.0


def record(*rows: tuple[int, int, float], **fields: int) -> NDArray[np.void]:
    """Return records of kind, sequence and time since the first datagram."""
    records = np.zeros(len(rows), dtype=RECORD)
    for number, (kind, sequence, at_s) in enumerate(rows):
        records[number]["kind"], records[number]["sequence"] = kind, sequence
        records[number]["at_s"] = at_s
        for name, value in fields.items():
            records[number][name] = value
    return records


def answered(*numbers: int, trip_s: float = 0.4e-3) -> NDArray[np.void]:
    return record(*((ANSWER, number, number * PERIOD_S + trip_s) for number in numbers))


def digested(
    *parts: NDArray[np.void], sent: int, from_s: float = 0.0, until_s: float = float("inf")
) -> Answers:
    records = np.concatenate((*parts, record((PROGRESS, sent - 1, sent * PERIOD_S))))
    return digest(records, 0.0, PERIOD_S, (from_s, until_s), (BOARD,), LATE_S)


def test_what_was_not_answered_is_lost() -> None:
    found = digested(answered(0, 1, 2, 6, 7), sent=8)

    assert (found.offered, found.lost) == (8, 3)
    assert found.good_s == pytest.approx(np.array([0, 1, 2, 6, 7]) * PERIOD_S + 0.4e-3)


def test_a_span_is_of_the_datagrams_that_were_due_in_it() -> None:
    found = digested(answered(0, 1, 2, 6, 7), sent=20, from_s=1.5e-3, until_s=6.5e-3)

    assert (found.offered, found.lost) == (5, 3)
    assert found.sequence.tolist() == [2, 6]


def test_what_came_but_not_as_it_should_is_counted_apart() -> None:
    """RFC 6412 section 3.8: duplicates, reordered, late; and corrupted ones, without a number."""
    late = record((ANSWER, 3, 3 * PERIOD_S + 2 * LATE_S))
    corrupt = record((CORRUPT, 0, 4e-3), (CORRUPT, 0, 0.5))
    found = digested(answered(0, 2, 1, 1), late, corrupt, sent=5, until_s=0.1)

    assert (found.duplicates, found.reordered, found.late, found.corrupted) == (1, 1, 1, 1)
    assert (found.offered, found.lost) == (5, 1), "a late one is answered, a corrupted one is not"
    assert found.good_s.size == 3


def test_what_was_sent_too_late_is_the_probes_own_and_not_lost() -> None:
    skipped = record((SKIPPED, 2, 5e-3), counter=3)
    found = digested(answered(0, 1, 5), skipped, sent=6)

    assert (found.offered, found.lost) == (3, 0)
    assert np.array(found.stalls) == pytest.approx(np.array([(2e-3, 5e-3)]))
    assert found.blocked == ()


def test_what_the_computer_refused_to_send_is_neither_offered_nor_lost() -> None:
    failed = record(*((FAILED, number, number * PERIOD_S) for number in (2, 3, 4, 7)), counter=1)
    failed["status"] = (errno.EPERM, errno.EPERM, errno.ENETUNREACH, errno.EPERM)
    found = digested(answered(0, 1, 5, 6, 8), failed, sent=10)

    assert (found.offered, found.lost) == (6, 1)
    assert np.array(found.blocked) == pytest.approx(np.array([(2e-3, 5e-3), (7e-3, 8e-3)]))
    assert found.stalls == found.blocked
    assert found.errors == (errno.EPERM, errno.ENETUNREACH)


def test_an_answer_whose_stamp_cannot_be_is_counted_with_its_doubt() -> None:
    doubtful = answered(1, 2)
    doubtful["doubt_us"] = (3000, 5000)
    found = digested(answered(0), doubtful, sent=3)

    assert (found.restamped, found.stamp_doubt_s) == (2, 5e-3)


class Board(threading.Thread):
    """Answers echoes on loopback; each `corrupts`-th answer is damaged."""

    def __init__(self, corrupts: int = 0) -> None:
        super().__init__(daemon=True)
        self._corrupts = corrupts
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(WAIT_S)
        self.address: tuple[str, int] = self._socket.getsockname()

    def run(self) -> None:
        while True:
            datagram, whence = self._socket.recvfrom(256)
            if not datagram:
                return
            self._socket.sendto(self._answer(datagram), whence)

    def _answer(self, datagram: bytes) -> bytes:
        sequence = service.REQUEST.unpack(datagram)[2]
        numbers = (sequence, 0, 0, 0, 0, 0)
        names = (b"b" * 16, b"1.0.0")
        answer = bytearray(
            service.ANSWER.pack(service.ANSWER_MAGIC, service.ECHO, 0, 1, *numbers, *names)
        )
        if self._corrupts and sequence % self._corrupts == 0:
            answer[0] ^= 0x80
        return bytes(answer)

    def end(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.sendto(b"", self.address)
        self.join(WAIT_S)
        self._socket.close()


@pytest.fixture
def board() -> Iterator[Board]:
    running = Board()
    running.start()
    yield running
    running.end()


class Link:
    """A connected socket; `fails` says with which errno a send fails, 0: it does not.

    `done` is called after so many tries.
    """

    def __init__(
        self, address: tuple[str, int], fails: Iterable[int] = (), tries: int = 150
    ) -> None:
        self._link = connect(address)
        self._fails = iter(fails)
        self._tries = tries
        self.done: Callable[[], None] = lambda: None
        self.sent: list[int] = []

    def send(self, datagram: bytes) -> int:
        self._tries -= 1
        if not self._tries:
            self.done()
        if code := next(self._fails, 0):
            raise OSError(code, os.strerror(code))
        size = self._link.send(datagram)
        self.sent.append(service.REQUEST.unpack(datagram)[2])
        return size

    def recvmsg(self, *sizes: int) -> Any:
        return self._link.recvmsg(*sizes)

    def close(self) -> None:
        self._link.close()


def sent_over(link: Link, path: Path) -> tuple[NDArray[np.void], Answers]:
    """Send over `link`; return the record and what is made of it, until the last good answer.

    What comes after that one may be under way still; all before was read, for it came in order.
    """
    with contextlib.closing(Sender(cast("socket.socket", link), RATE_HZ, path)) as sender:
        link.done = sender.stop
        sender.run(os.getppid())
    records = np.fromfile(path, dtype=RECORD)
    begin_s = float(records["at_s"][0])
    answers = records["sequence"][records["kind"] == ANSWER]
    until_s = begin_s + (int(answers[-1]) + 0.5) / RATE_HZ if answers.size else float("inf")
    return records, digest(records, begin_s, 1 / RATE_HZ, (0.0, until_s), (BOARD,), LATE_S)


def test_a_board_that_answers_loses_nothing_on_loopback(board: Board, tmp_path: Path) -> None:
    records, found = sent_over(Link(board.address), tmp_path / "traffic.rec")

    assert records["kind"][0] == BEGIN
    assert found.offered > 0
    assert (found.lost, found.corrupted, found.restamped) == (0, 0, 0)
    assert np.all(found.received_s >= found.sent_s - STAMP_SLACK_S), "both are on one clock"


def test_a_disk_that_takes_nothing_delays_no_datagram(board: Board, tmp_path: Path) -> None:
    """It wrote between two datagrams, and stood still for as long as the write took."""
    path = tmp_path / "traffic.rec"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    link = Link(board.address, tries=1000)
    sender = Sender(cast("socket.socket", link), RATE_HZ, path)
    taken = bytearray()

    def take() -> None:  # only now does the disk take what has come
        os.set_blocking(reader, True)
        while part := os.read(reader, 4096):
            taken.extend(part)

    link.done = sender.stop
    sender.run(os.getppid())
    disk = threading.Thread(target=take)
    disk.start()
    sender.close()
    disk.join(WAIT_S)
    os.close(reader)

    records = np.frombuffer(bytes(taken), dtype=RECORD)
    assert len(link.sent) > 900, "it went on though nothing was taken"
    assert np.count_nonzero(records["kind"] == ANSWER) > 900, "and nothing is missing afterwards"


def test_a_record_that_cannot_be_written_ends_the_probe(board: Board) -> None:
    sender = Sender(connect(board.address), RATE_HZ, Path("/dev/full"))
    with pytest.raises(OSError, match="No space"):
        sender.run(os.getppid())
    with pytest.raises(OSError, match="No space"):
        sender.close()


def test_corrupted_answers_are_counted_and_their_datagrams_lost(tmp_path: Path) -> None:
    board = Board(corrupts=10)
    board.start()
    _, found = sent_over(Link(board.address), tmp_path / "traffic.rec")
    board.end()

    assert found.corrupted > 0
    assert found.lost > 0
    assert not np.any(found.sequence % 10 == 0)


@pytest.mark.parametrize(
    "change",
    [{"kind": service.STORE}, {"session": 5}, {"sequence": 1 << 40}],
)
def test_an_answer_to_nothing_that_was_asked_is_a_corrupted_one(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, int]
) -> None:
    """A bit that flipped in a field leaves a datagram that can be read."""
    unpack = service.unpack

    def damaged(datagram: bytes) -> SimpleNamespace:
        answer = unpack(datagram)
        fields = {name: getattr(answer, name) for name in answer.__dataclass_fields__}
        return SimpleNamespace(**{**fields, **change})

    monkeypatch.setattr(service, "unpack", damaged)
    records, found = sent_over(Link(board.address), tmp_path / "traffic.rec")

    assert np.count_nonzero(records["kind"] == ANSWER) == 0
    assert found.corrupted > 0


def test_a_refusal_of_an_earlier_datagram_costs_no_other(board: Board, tmp_path: Path) -> None:
    """On a connected socket each ICMP refusal is told to the next send, in place of sending."""
    link = Link(board.address, [errno.ECONNREFUSED, 0, errno.EHOSTUNREACH, 0] * 100, tries=200)
    records, found = sent_over(link, tmp_path / "traffic.rec")

    skipped = int(records["counter"][records["kind"] == SKIPPED].sum())
    assert len(link.sent) == records["sequence"][records["kind"] == PROGRESS][-1] + 1 - skipped > 0
    assert np.count_nonzero(records["kind"] == FAILED) == 0
    assert found.lost == 0


def test_a_port_where_nobody_listens_is_the_boards_and_all_is_lost(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    _, found = sent_over(Link(address), tmp_path / "traffic.rec")

    assert found.offered == found.lost > 0
    assert found.blocked == ()


@pytest.mark.parametrize("code", [errno.ENETUNREACH, errno.EPERM, errno.ENOBUFS, errno.EAGAIN])
def test_a_computer_that_refuses_to_send_is_recorded_as_such(
    board: Board, tmp_path: Path, code: int
) -> None:
    link = Link(board.address, [0] * 20 + [code] * 40)
    _, found = sent_over(link, tmp_path / "traffic.rec")

    assert found.errors == (code,)
    assert sum(to_s - from_s for from_s, to_s in found.blocked) == pytest.approx(20 / RATE_HZ)
    assert found.lost == 0


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_wall_clock_that_is_set_moves_no_answer(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    """The kernel stamps in wall time; set between stamp and reading, it would move by an hour."""
    reads = iter(range(10**6))

    def wall_s() -> float:
        return time.time() + (step_s if next(reads) % 2 else 0.0)

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=time.sleep, time=wall_s)
    monkeypatch.setattr(traffic_process, "time", clock)
    _, found = sent_over(Link(board.address), tmp_path / "traffic.rec")

    assert found.restamped > 0
    assert found.lost == 0
    assert found.stamp_doubt_s > 0.0
    trips_s = found.received_s - found.sent_s
    assert np.all((trips_s >= -STAMP_SLACK_S) & (trips_s < WAIT_S))


def test_the_probe_runs_by_itself_until_it_is_stopped(board: Board, tmp_path: Path) -> None:
    clock = SystemClock()
    probe = TrafficProbe(*board.address, RATE_HZ, clock=clock, directory=tmp_path)
    probe.start()
    from_s = probe.mark()
    deadline = Deadline.after(clock, WAIT_S)
    while probe.since(from_s).good_s.size < 50 and not deadline.passed:
        clock.sleep(0.02)
    found = probe.since(from_s)
    probe.stop()

    assert found.good_s.size >= 50
    assert found.releases == ("1.0.0",)
    assert found.identities == (BOARD,)


def test_what_the_probe_forgets_is_still_in_its_file(board: Board, tmp_path: Path) -> None:
    clock = SystemClock()
    probe = TrafficProbe(*board.address, RATE_HZ, clock=clock, directory=tmp_path)
    probe.start()
    deadline = Deadline.after(clock, WAIT_S)
    while probe.since(0.0).good_s.size < 50 and not deadline.passed:
        clock.sleep(0.02)
    probe.stop()
    probe.forget(clock.now())

    assert probe.since(0.0).good_s.size == 0
    assert np.count_nonzero(np.fromfile(probe.path, dtype=RECORD)["kind"] == ANSWER) >= 50


def test_a_probe_that_ended_by_itself_is_the_benchs(board: Board, tmp_path: Path) -> None:
    clock = SystemClock()
    probe = TrafficProbe(*board.address, RATE_HZ, clock=clock, directory=tmp_path)
    probe.start()
    process = probe._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(WAIT_S)

    with pytest.raises(BenchError, match="ended with code -9"):
        probe.since(0.0)
    probe.stop()
