# SPDX-License-Identifier: MIT
"""The TCP socket of a virtual instrument, and the ways in which it can fail."""

import asyncio
import random
import re
import socket
from dataclasses import dataclass, field
from typing import Protocol

LINE_LIMIT = 4 << 20
INSTRUMENT_FAULTS = ("delay", "jitter", "mute", "close", "half", "garbage", "power-cycle")


@dataclass(slots=True)
class LinkFaults:
    """How the instrument's link misbehaves; counts say how many answers.  Set by the bench only."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    mute: int = 0
    close: int = 0
    half: int = 0
    garbage: int = 0
    met: int = 0  # how often one of them has acted
    restarted: bool = False  # and nobody has asked since
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 # no secret

    def late_s(self) -> float:
        """Return how late the next answer is: the delay and up to a jitter, from a seed."""
        self.met += bool(self.delay_s or self.jitter_s)
        return self.delay_s + self._random.uniform(0.0, self.jitter_s)

    def asked(self) -> None:
        """Note that somebody talks to the instrument: a restart is met then, not before."""
        self.met += self.restarted
        self.restarted = False

    def take(self, name: str) -> bool:
        left = int(getattr(self, name))
        if left:
            setattr(self, name, left - 1)
            self.met += 1
        return bool(left)

    def clear(self) -> None:
        self.delay_s = self.jitter_s = 0.0
        self.mute = self.close = self.half = self.garbage = self.met = 0
        self.restarted = False


class Listener(Protocol):
    """What is needed of an instrument."""

    faults: LinkFaults
    links: set[asyncio.StreamWriter]

    async def execute(self, message: bytes, data: bytes | None = None) -> bytes | None: ...


async def read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes | None]:
    """Read one message; a block in it comes back apart, and leaves `#` where it was."""
    line = await reader.readline()
    found = re.search(rb"#([1-9])", line)
    if not found:
        return line.strip(b"\r\n"), None
    digits = int(found[1])
    start = found.end() + digits
    while len(line) < start:
        line += await reader.readexactly(start - len(line))
    length = int(line[found.end() : start])
    if length > LINE_LIMIT:
        raise ValueError("block too long")
    while len(line) < start + length + 1:
        line += await reader.readexactly(start + length + 1 - len(line))
    return line[: found.start()] + b"#", line[start : start + length]


async def serve(instrument: Listener, host: str, port: int) -> asyncio.Server:
    """Serve an instrument; several clients share it, one message at a time."""
    lock = asyncio.Lock()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = writer.get_extra_info("socket")
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        instrument.links.add(writer)
        try:
            while not reader.at_eof():
                message, data = await read_message(reader)
                if message:
                    instrument.faults.asked()
                async with lock:
                    answer = await instrument.execute(message, data)
                if answer is not None and not await _answer(instrument.faults, writer, answer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the client has gone or talks nonsense: this connection ends
        finally:
            instrument.links.discard(writer)
            writer.close()

    return await asyncio.start_server(talk, host, port, limit=LINE_LIMIT)


async def _answer(faults: LinkFaults, writer: asyncio.StreamWriter, answer: bytes) -> bool:
    """Send an answer, or misbehave as told; False ends the connection."""
    if late_s := faults.late_s():
        await asyncio.sleep(late_s)
    if faults.take("mute"):
        return True
    if faults.take("close"):
        return False
    if faults.take("half"):
        writer.write(answer[: len(answer) // 2])
        await writer.drain()
        return False
    if faults.take("garbage"):
        answer = bytes(byte ^ 0x80 for byte in answer)
    writer.write(answer + b"\n")
    await writer.drain()
    return True
