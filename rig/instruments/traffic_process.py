# SPDX-License-Identifier: MIT
"""The process that sends numbered datagrams on schedule and records every answer.

A process of its own, so that nothing the rig does can delay a datagram.  Standard library only.
"""

import argparse
import contextlib
import errno
import gc
import json
import os
import queue
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

from rig.board.walnut import service

RECORD = struct.Struct("<BBHIQdQ")  # kind, status, identity, doubt_us, sequence, at_s, counter
# Kinds of record.  Not sent: SKIPPED, too late for `counter` datagrams from `sequence` on; FAILED,
# the computer refused that one, `status` is the errno.  CORRUPT: what came is no answer of ours.
ANSWER, PROGRESS, SKIPPED, BEGIN, FAILED, CORRUPT = 0, 1, 2, 3, 4, 5
SO_TIMESTAMPNS = 35  # Linux asm-generic/socket.h; not in Python's socket module
TIMESPEC = struct.Struct("@ll")
DRAIN_TICKS = 8
FLUSH_TICKS = 50
STALL_TICKS = 5  # later than this, a datagram is not sent late but counted as not sent
STAMP_SLACK_S = 1e-3  # so much the two readings of the clocks may be apart


def connect(address: tuple[str, int]) -> socket.socket:
    """Return a socket to `address` that stamps what it receives and never waits."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    link.setblocking(False)
    link.connect(address)
    return link


class Recorder:
    """Appends to a file in a thread of its own: a disk that is busy must not delay a datagram."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._parts: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def write(self, part: bytes) -> None:
        """Hand `part` to whoever writes it; nothing waits for the disk.

        Raises:
            OSError: what was handed over before could not be written.
        """
        if self._failure:
            raise self._failure
        self._parts.put(part)

    def close(self) -> None:
        """Wait until all is written.

        Raises:
            OSError: it could not be.
        """
        self._parts.put(b"")
        self._thread.join()
        self._file.close()
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            while part := self._parts.get():
                while part:
                    part = part[self._file.write(part) or 0 :]
        except OSError as error:
            self._failure = error


class Sender:
    """Sends datagram n at `begin_s + n * period_s` on CLOCK_MONOTONIC."""

    def __init__(self, link: socket.socket, rate_hz: float, path: Path) -> None:
        self._period_s = 1.0 / rate_hz
        self._socket = link
        self._recorder = Recorder(path)
        self._names = path.with_suffix(".identities").open("w", encoding="utf-8")
        self._identities: dict[tuple[str, str, int], int] = {}
        self._buffer = bytearray()
        self._begin_s = self._drained_s = 0.0
        self.stopped = False

    def stop(self, *_: object) -> None:
        self.stopped = True

    def close(self) -> None:
        self._socket.close()
        self._names.close()
        self._recorder.close()

    def run(self, parent: int) -> None:
        """Send until stopped, or until nobody is there to read the record."""
        begin_s = self._begin_s = time.monotonic() + 0.01
        self._note(BEGIN, 0, begin_s)
        self._flush()
        tick = 0
        while not self.stopped:
            late_s = time.monotonic() - begin_s - tick * self._period_s
            if late_s < 0:
                time.sleep(-late_s)
            elif late_s > STALL_TICKS * self._period_s:
                missed = int(late_s / self._period_s)
                self._note(SKIPPED, tick, time.monotonic(), missed)
                tick += missed
            self._send(tick)
            if tick % DRAIN_TICKS == 0:
                self._drain(tick)
            if tick % FLUSH_TICKS == 0:
                self._note(PROGRESS, tick, time.monotonic())
                self._flush()
                if os.getppid() != parent:
                    break
            tick += 1
        self._note(PROGRESS, tick - 1, time.monotonic())
        self._drain(tick - 1)
        self._flush()

    def _send(self, tick: int) -> None:
        """Send datagram `tick`; a failure that is the computer's own is recorded.

        What an earlier datagram met on its way (ICMP: nobody listens, no such host) is told to the
        next `send` in place of sending, and only once; so the second failure is no news from afar.
        """
        for _ in range(2):
            try:
                self._socket.send(service.pack_echo(tick))
            except OSError as error:
                code = error.errno or 0
            else:
                return
        if code != errno.ECONNREFUSED:
            self._note(FAILED, tick, time.monotonic(), counter=1, status=code)

    def _drain(self, tick: int) -> None:
        """Record all that has come, datagrams until `tick` being sent.

        An answer's time is when the kernel took it in.
        """
        before_s, wall_s, after_s = time.monotonic(), time.time(), time.monotonic()
        offset_s = (before_s + after_s) / 2 - wall_s  # kernel stamps are in wall time
        while True:
            try:
                datagram, control, _, _ = self._socket.recvmsg(256, 64)
            except BlockingIOError:
                self._drained_s = before_s
                return
            except OSError:  # an ICMP error that was queued: silence, not an answer
                continue
            answer = _read(datagram, tick)
            if answer is None:
                self._note(CORRUPT, 0, time.monotonic())
            else:
                self._record(answer, control, offset_s)

    def _record(
        self, answer: service.Answer, control: list[tuple[int, int, bytes]], offset_s: float
    ) -> None:
        read_s = time.monotonic()
        sent_s = self._begin_s + answer.sequence * self._period_s
        at_s = _stamp(control, offset_s, default_s=read_s)
        doubt_us = 0
        if not sent_s - STAMP_SLACK_S <= at_s <= read_s + STAMP_SLACK_S:
            # Wall time was set between the stamp and its reading: all that is sure is that it was
            # not there at the reading before.
            at_s, doubt_us = read_s, round((read_s - max(sent_s, self._drained_s)) * 1e6)
        key = (answer.boot_id, answer.release, answer.state_layout)
        if key not in self._identities:
            self._identities[key] = len(self._identities)
            json.dump(key, self._names)
            self._names.write("\n")
            self._names.flush()
        self._note(
            ANSWER,
            answer.sequence,
            at_s,
            answer.counter,
            answer.status,
            self._identities[key],
            doubt_us,
        )

    def _note(
        self,
        kind: int,
        sequence: int,
        at_s: float,
        counter: int = 0,
        status: int = 0,
        identity: int = 0,
        doubt_us: int = 0,
    ) -> None:
        self._buffer += RECORD.pack(kind, status, identity, doubt_us, sequence, at_s, counter)

    def _flush(self) -> None:
        if self._buffer:
            self._recorder.write(bytes(self._buffer))
            self._buffer.clear()


def _read(datagram: bytes, last: int) -> service.Answer | None:
    """Return the answer to an echo until number `last`; None: corrupted on its way."""
    try:
        answer = service.unpack(datagram)
    except ValueError:
        return None
    good = answer.kind == service.ECHO and answer.session == 0 and answer.sequence <= last
    return answer if good else None


def _stamp(control: list[tuple[int, int, bytes]], offset_s: float, *, default_s: float) -> float:
    """Return when the kernel took a datagram in, `offset_s` after its wall time."""
    for _, kind, data in control:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESPEC.unpack(data[: TIMESPEC.size])
            return float(seconds + nanoseconds * 1e-9 + offset_s)
    return default_s


def main() -> int:
    """Run until SIGTERM; exit code 1 when the record cannot be written."""
    parser = argparse.ArgumentParser(prog="rig.instruments.traffic", description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("rate_hz", type=float)
    parser.add_argument("record", type=Path)
    options = parser.parse_args()
    parent = os.getppid()
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # our stalls would look like the board's
    gc.disable()  # nothing here makes cycles
    try:
        link = connect((options.host, options.port))
        with contextlib.closing(Sender(link, options.rate_hz, options.record)) as sender:
            signal.signal(signal.SIGTERM, sender.stop)
            sender.run(parent)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
