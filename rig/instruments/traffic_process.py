# SPDX-License-Identifier: MIT
"""The process that sends numbered datagrams on schedule and records every answer.

A process of its own, so that nothing the rig does can delay a datagram.  Standard library only.
"""

import argparse
import contextlib
import gc
import json
import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path

from rig import service

RECORD = struct.Struct("<BBHIQdQ")  # kind, status, identity, zero, sequence, at_s, counter
ANSWER, PROGRESS, SKIPPED, BEGIN = 0, 1, 2, 3  # kinds of record
SO_TIMESTAMPNS = 35  # Linux asm-generic/socket.h; not in Python's socket module
TIMESPEC = struct.Struct("@ll")
DRAIN_TICKS = 8
FLUSH_TICKS = 50
STALL_TICKS = 5  # later than this, a datagram is not sent late but counted as not sent


class Sender:
    """Sends datagram n at `begin_s + n * period_s` on CLOCK_MONOTONIC."""

    def __init__(self, address: tuple[str, int], rate_hz: float, path: Path) -> None:
        self._period_s = 1.0 / rate_hz
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)
        self._socket.connect(address)
        self._file = path.open("wb", buffering=0)
        self._names = path.with_suffix(".identities").open("w", encoding="utf-8")
        self._identities: dict[tuple[str, str, int], int] = {}
        self._buffer = bytearray()
        self.stopped = False

    def stop(self, *_: object) -> None:
        self.stopped = True

    def run(self, parent: int) -> None:
        """Send until stopped, or until nobody is there to read the record."""
        begin_s = time.monotonic() + 0.01
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
            with contextlib.suppress(OSError):  # refused or unreachable: the board is off
                self._socket.send(service.pack_echo(tick))
            if tick % DRAIN_TICKS == 0:
                self._drain()
            if tick % FLUSH_TICKS == 0:
                self._note(PROGRESS, tick, time.monotonic())
                self._flush()
                if os.getppid() != parent:
                    break
            tick += 1
        self._note(PROGRESS, tick - 1, time.monotonic())
        self._drain()
        self._flush()

    def _drain(self) -> None:
        """Record all answers that have come, at the time when the kernel took them in."""
        before_s, wall_s, after_s = time.monotonic(), time.time(), time.monotonic()
        offset_s = (before_s + after_s) / 2 - wall_s  # kernel stamps are in wall time
        while True:
            try:
                datagram, control, _, _ = self._socket.recvmsg(256, 64)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error that was queued: silence, not an answer
                continue
            with contextlib.suppress(ValueError):
                self._record(service.unpack(datagram), control, offset_s)

    def _record(
        self, answer: service.Answer, control: list[tuple[int, int, bytes]], offset_s: float
    ) -> None:
        at_s = time.monotonic()
        for _, kind, data in control:
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = TIMESPEC.unpack(data[: TIMESPEC.size])
                at_s = seconds + nanoseconds * 1e-9 + offset_s
        key = (answer.boot_id, answer.release, answer.state_layout)
        if key not in self._identities:
            self._identities[key] = len(self._identities)
            json.dump(key, self._names)
            self._names.write("\n")
            self._names.flush()
        self._note(
            ANSWER, answer.sequence, at_s, answer.counter, answer.status, self._identities[key]
        )

    def _note(
        self,
        kind: int,
        sequence: int,
        at_s: float,
        counter: int = 0,
        status: int = 0,
        identity: int = 0,
    ) -> None:
        self._buffer += RECORD.pack(kind, status, identity, 0, sequence, at_s, counter)

    def _flush(self) -> None:
        while self._buffer:
            written = self._file.write(self._buffer)
            del self._buffer[: written or 0]


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
        sender = Sender((options.host, options.port), options.rate_hz, options.record)
        signal.signal(signal.SIGTERM, sender.stop)
        sender.run(parent)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
