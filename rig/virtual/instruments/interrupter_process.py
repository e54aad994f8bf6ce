# SPDX-License-Identifier: MIT
"""The interrupter's traffic path: passes datagrams between two ports, or drops the board's.

A block drops what goes to the board.  What the board still answers to what it had before passes,
as it does when a service stops; a cut of both ways would add the round trip to each interruption.

A process of its own, so that nothing else on the bench delays a datagram.  Orders and reports are
JSON lines on standard input and output; all times are CLOCK_MONOTONIC, which is one for all
processes.  A datagram is judged by the time when the kernel took it in.
"""

import contextlib
import gc
import json
import os
import random
import select
import socket
import struct
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Iterator

CLIENTS_MAX = 64  # each has a port of its own towards the board; the idlest one is forgotten
BATCH = 64
DATAGRAM_BYTES = 2048
QUIET_S = 0.1  # nobody sends: the block is over without a datagram that shows how late it was
SO_TIMESTAMPNS = 35  # Linux asm-generic/socket.h; not in Python's socket module
TIMESPEC = struct.Struct("@ll")


class Block:
    """One interruption, from … to, and what was seen of the path beside it."""

    def __init__(self, from_s: float, to_s: float) -> None:
        self.from_s = from_s
        self.to_s = max(to_s, from_s)
        self.closing_s = 0.0  # how long the last datagram before was under way in here
        self.opening_s: float | None = None  # the same, the first one after
        self.dropped = 0

    def passes(self, came_s: float) -> bool:
        return not self.from_s <= came_s < self.to_s

    def passed(self, came_s: float, left_s: float) -> None:
        """Take note of a datagram that was let through."""
        if came_s < self.from_s:
            self.closing_s = max(0.0, left_s - came_s)
        elif self.opening_s is None:
            self.opening_s = max(0.0, left_s - came_s)

    def over(self, now_s: float) -> bool:
        return self.opening_s is not None or now_s > self.to_s + QUIET_S

    def report(self) -> dict[str, float]:
        """Say when the path was closed as its two ends saw it.

        What came just before the block left `closing_s` later, and what came just after it left
        `opening_s` later: so late it was.  A datagram at the very edge might have been under
        way for a shorter time, so the longer of the two is the doubt.  A block that was
        shorter than it was late is none as far as anybody can tell.
        """
        opening_s = self.opening_s or 0.0
        return {
            "from": self.from_s + self.closing_s,
            "to": max(self.from_s + self.closing_s, self.to_s + opening_s),
            "doubt": max(self.closing_s, opening_s),
            "dropped": self.dropped,
        }


class Relay:
    """Clients on one side, the board on the other."""

    def __init__(self, host: str, outside: int, inside: int) -> None:
        self._inside = (host, inside)
        self._outside = _socket()
        self._outside.bind((host, outside))
        self._clients: OrderedDict[tuple[str, int], socket.socket] = OrderedDict()
        self._addresses: dict[int, tuple[str, int]] = {}  # by the socket's number
        self._poll = select.epoll()
        self._poll.register(self._outside, select.EPOLLIN)
        self._poll.register(0, select.EPOLLIN)
        self._orders = b""
        self._block: Block | None = None
        self._link = True  # of the board: a cable whose far end is down keeps nothing
        self._delay_s = self._jitter_s = 0.0
        self._told_late = True
        self._random = random.Random(1)  # noqa: S311 # no secret
        self._late: deque[tuple[float, tuple[str, int], bytes]] = deque()

    def run(self) -> None:
        """Pass datagrams until standard input ends."""
        while True:
            timeout_s = self._late[0][0] - time.monotonic() if self._late else QUIET_S
            for number, _ in self._poll.poll(max(0.0, timeout_s)):
                if number == 0:
                    if not self._hear():
                        return
                elif number == self._outside.fileno():
                    self._to_board()
                elif number in self._addresses:
                    self._to_client(number)
            self._send_late()
            if self._block and self._block.over(time.monotonic()):
                self._say(self._block.report())
                self._block = None

    def _hear(self) -> bool:
        data = os.read(0, 4096)
        self._orders += data
        *lines, self._orders = self._orders.split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return bool(data)

    def _obey(self, order: dict[str, float]) -> None:
        if "block" in order:
            # An order that was heard late is carried out late.
            from_s = max(float(order["block"]), time.monotonic())
            self._block = Block(from_s, float(order["until"]))
        elif "link" in order:
            self._link = bool(order["link"])
        elif "open" in order and self._block:
            self._block.to_s = max(self._block.from_s, min(self._block.to_s, time.monotonic()))
        else:
            self._delay_s = float(order.get("delay", self._delay_s))
            self._jitter_s = float(order.get("jitter", self._jitter_s))
            self._told_late = False

    def _say(self, report: dict[str, float]) -> None:
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()

    def _to_board(self) -> None:
        for data, client, came_s in _take(self._outside):
            block = self._block
            if block and not block.passes(came_s):
                block.dropped += 1
                continue
            if not self._link:
                continue
            with contextlib.suppress(OSError):  # refused: the board is off
                self._towards_board(client).send(data)
            if block:
                block.passed(came_s, time.monotonic())

    def _towards_board(self, client: tuple[str, int]) -> socket.socket:
        known = self._clients.get(client)
        if known:
            self._clients.move_to_end(client)
            return known
        if len(self._clients) >= CLIENTS_MAX:
            _, idlest = self._clients.popitem(last=False)
            self._poll.unregister(idlest)
            del self._addresses[idlest.fileno()]
            idlest.close()
        fresh = self._clients[client] = _socket()
        fresh.connect(self._inside)
        self._addresses[fresh.fileno()] = client
        self._poll.register(fresh, select.EPOLLIN)
        return fresh

    def _to_client(self, number: int) -> None:
        client = self._addresses[number]
        for data, _, came_s in _take(self._clients[client]):
            if self._delay_s or self._jitter_s:
                late_s = self._delay_s + self._random.uniform(0.0, self._jitter_s)
                before_s = self._late[-1][0] if self._late else 0.0  # none overtakes another
                self._late.append((max(came_s + late_s, before_s), client, data))
                if not self._told_late:
                    self._say({"late": late_s})
                    self._told_late = True
                continue
            self._send(client, data)

    def _send_late(self) -> None:
        now_s = time.monotonic()
        while self._late and self._late[0][0] <= now_s:
            _, client, data = self._late.popleft()
            self._send(client, data)

    def _send(self, client: tuple[str, int], data: bytes) -> None:
        with contextlib.suppress(OSError):  # the client has gone
            self._outside.sendto(data, client)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.setblocking(False)
    return made


def _take(link: socket.socket) -> Iterator[tuple[bytes, tuple[str, int], float]]:
    """Give what has come, from whom, and when the kernel took it in."""
    before_s, wall_s, after_s = time.monotonic(), time.time(), time.monotonic()
    offset_s = (before_s + after_s) / 2 - wall_s
    for _ in range(BATCH):
        try:
            data, control, _, address = link.recvmsg(DATAGRAM_BYTES, 64)
        except BlockingIOError:
            return
        except OSError:  # an ICMP error that was queued: the board is off
            continue
        came_s = after_s
        for _, kind, stamp in control:
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = TIMESPEC.unpack(stamp[: TIMESPEC.size])
                came_s = seconds + nanoseconds * 1e-9 + offset_s
        yield data, address, came_s


def main() -> int:
    host, outside, inside = sys.argv[1:]
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # what delays us looks like the board's delay
    gc.disable()  # nothing here makes cycles
    Relay(host, int(outside), int(inside)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
