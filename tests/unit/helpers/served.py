# SPDX-License-Identifier: MIT
"""A virtual instrument on a loopback socket, and the real pyvisa link to it."""

import asyncio
import threading
from collections.abc import Iterable
from typing import Self

from rig.instruments.visa import VisaLink
from rig.virtual.instruments.heartbeat import HeartbeatInput
from rig.virtual.instruments.scpi import Instrument
from rig.virtual.instruments.scpi_link import serve

WAIT_S = 5.0


class Served:
    """Serves `instrument` from ``__enter__`` to ``__exit__``; `misbehave` is the bench's own."""

    def __init__(self, instrument: Instrument, timeout_s: float = 0.5) -> None:
        self._instrument = instrument
        self._timeout_s = timeout_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        start = serve(self._instrument, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(WAIT_S)
        port = self._server.sockets[0].getsockname()[1]
        resource = f"TCPIP0::127.0.0.1::{port}::SOCKET"
        self.link = VisaLink(resource, name="instrument", timeout_s=self._timeout_s)
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(WAIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0)

    def misbehave(self, fault: str, value: object = 1) -> None:
        async def act() -> None:
            self._instrument.misbehave(fault, str(value))

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(WAIT_S)


def beat(instrument: HeartbeatInput, times_s: Iterable[float]) -> None:
    """Let rising edges arrive at `times_s`."""
    with instrument.lock:
        for at_s in times_s:
            instrument.edge(at_s)


def heartbeat(*gaps_s: float, beats: int = 50, period_s: float = 1e-3) -> list[float]:
    """Return edges of a heartbeat that has `gaps_s`, with `beats` before, between and after."""
    times_s = [1.0]
    for gap_s in (*gaps_s, None):
        times_s += [times_s[-1] + period_s * number for number in range(1, beats)]
        if gap_s is not None:
            times_s.append(times_s[-1] + gap_s)
    return times_s
