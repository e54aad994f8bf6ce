# SPDX-License-Identifier: MIT
"""The interrupter: takes heartbeat and traffic away for a while and says when it really did.

docs/reference/interrupter.md.  It stands in the heartbeat line before the counter and in the
network path before the board; the board does not notice.
"""

import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rig.virtual.board.board import DIE_TOGETHER
from rig.virtual.endpoints import HOST
from rig.virtual.instruments import interrupter_process
from rig.virtual.instruments.heartbeat import BYTE_S, PULSE
from rig.virtual.instruments.scpi import Instrument, ScpiError, command

BLOCK_MIN_S, BLOCK_MAX_S = 1e-3, 100.0
LEAD_S = 0.03  # from the command to the block: both paths have been told by then
ALIVE_S = 0.02  # a line without a pulse for so long has no heartbeat to give back
PATHS = ("TRAF", "HEAR")


class VirtualInterrupter(Instrument):
    """Both paths are blocked from the same moment and for the same time, as well as it can.

    The heartbeat comes back with a pulse at once, as that of a service that starts does; `emit`
    puts it on the line, from where the counter takes it as any other.
    """

    identity = "Walnut,GATE,MY00000006,1.0"

    def __init__(
        self, pulses: Callable[[bytes, float], None], fault: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._pulses = pulses
        self._fault = fault
        self.emit: Callable[[], None] = lambda: None
        self._zero_s = time.monotonic()
        self._lock = threading.Lock()
        self._closed: tuple[float, float] | None = None  # the heartbeat, from … to
        self._over = threading.Event()
        self._last_pulse_s = float("-inf")
        self._running: set[str] = set()
        self._results: dict[str, tuple[float, float, float]] = {}
        self._count = 0
        self._relay: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._closing = False
        self._link: dict[str, float] = {}
        self._where: tuple[int, int, Path] | None = None
        self._reviving: asyncio.Task[None] | None = None

    async def open(self, outside: int, inside: int, log: Path) -> None:
        """Start passing datagrams between two ports."""
        self._where = (outside, inside, log)
        with log.open("ab") as output:
            self._relay = await asyncio.create_subprocess_exec(
                *DIE_TOGETHER,
                *(sys.executable, "-m", interrupter_process.__name__),
                *(HOST, str(outside), str(inside)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
            )
        self._reader = asyncio.get_running_loop().create_task(self._read())
        self.order(**self._link)

    async def close(self) -> None:
        self._over.set()
        self._closing = True
        if self._relay:
            with contextlib.suppress(ProcessLookupError):
                self._relay.kill()
            await self._relay.wait()
        if self._reader:
            await self._reader

    def kill(self) -> None:
        """Kill the traffic path, as when a box loses its own power."""
        if self._relay:
            with contextlib.suppress(ProcessLookupError):
                self._relay.kill()

    def revive(self) -> None:
        """Start a traffic path again that has died."""
        if self._where and self._relay and self._relay.returncode is not None:
            self._reviving = asyncio.get_running_loop().create_task(self.open(*self._where))

    def order(self, **words: float) -> None:
        """Tell the traffic path what to do; one that is started anew hears again of the link."""
        self._link |= {"link": words["link"]} if "link" in words else {}
        if self._relay and self._relay.stdin:
            self._relay.stdin.write(json.dumps(words).encode() + b"\n")

    def pulses(self, data: bytes, now_s: float) -> None:
        """Pass pulses that came at `now_s` on, unless the line is blocked; the line's thread."""
        edges = data.count(PULSE)
        with self._lock:
            if edges:
                self._last_pulse_s = now_s
            kept = [
                at_s
                for at_s in (now_s - left * BYTE_S for left in range(edges - 1, -1, -1))
                if not self._closed or at_s < self._closed[0]
            ]
        for at_s in kept:
            self._pulses(bytes([PULSE]), at_s)

    def own_pulse(self, now_s: float) -> None:
        """Take the pulse that `emit` put on the line."""
        self._pulses(bytes([PULSE]), now_s)

    def power_cycle(self) -> None:
        super().power_cycle()
        self._zero_s = time.monotonic()
        self._results.clear()
        self._count = 0

    def reset(self) -> None:
        self._end()

    def _end(self) -> None:
        """Open both paths now."""
        self._over.set()
        self.order(open=1)

    async def _read(self) -> None:
        """Hear what became of each block on the traffic path."""
        if not self._relay or not self._relay.stdout:
            return
        while line := await self._relay.stdout.readline():
            report = json.loads(line)
            if "late" in report:
                self.faults.met += 1
                continue
            self._done("TRAF", report["from"], report["to"], report["doubt"])
        if not self._closing:
            self._fault("the interrupter's traffic path has ended: see interrupter.log")

    def _done(self, path: str, from_s: float, to_s: float, doubt_s: float) -> None:
        with self._lock:
            self._results[path] = (from_s, to_s, doubt_s)
            self._running.discard(path)

    def _hold(self, from_s: float, to_s: float, over: threading.Event) -> None:
        """Keep the heartbeat away until the time has come, in a thread of its own."""
        over.wait(max(0.0, to_s - time.monotonic()))
        with self._lock:
            alive = time.monotonic() - self._last_pulse_s < ALIVE_S
            before_s = time.monotonic()
            self._closed = None
            if alive:
                self.emit()
            after_s = time.monotonic()
        middle_s = (before_s + after_s) / 2
        self._done("HEAR", from_s, max(from_s, middle_s), (after_s - before_s) / 2)

    @command("BLOCk[:STARt]")
    def _start(self, length: str) -> None:
        length_s = float(length)
        if not BLOCK_MIN_S <= length_s <= BLOCK_MAX_S:
            raise ScpiError(-222, length)
        if self._running:
            raise ScpiError(-221, "a block is running")
        from_s = time.monotonic() + LEAD_S
        to_s = from_s + length_s
        with self._lock:
            self._running = set(PATHS) if self._relay else {"HEAR"}
            self._results.clear()
            self._count += 1
            self._closed = (from_s, to_s)
            self._over = threading.Event()
        self.order(block=from_s, until=to_s)
        arguments = (from_s, to_s, self._over)
        threading.Thread(target=self._hold, args=arguments, daemon=True, name="interrupter").start()

    @command("BLOCk:ABORt")
    def _abort(self) -> None:
        self._end()

    @command("BLOCk:STATe?")
    def _state(self) -> str:
        return "1" if self._running else "0"

    @command("BLOCk:COUNt?")
    def _blocks(self) -> str:
        return f"+{self._count}"

    @command("BLOCk:RESult?")
    def _result(self, path: str) -> str:
        name = path.upper()[:4]
        if name not in PATHS:
            raise ScpiError(-224, path)
        if self._running or name not in self._results:
            raise ScpiError(-230, "no block has ended")
        from_s, to_s, doubt_s = self._results[name]
        times = ",".join(f"{at_s - self._zero_s:.9f}" for at_s in (from_s, to_s))
        return f"{self._count},{times},{doubt_s:.9f}"

    @command("SYSTem:TIME?")
    def _time(self) -> str:
        return f"{time.monotonic() - self._zero_s:.9f}"
