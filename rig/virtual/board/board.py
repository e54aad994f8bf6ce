# SPDX-License-Identifier: MIT
"""The board itself: QEMU and its flash server, started and killed with the power.

A power cut is SIGKILL: RAM, caches and the write in flight are gone.  The PROM is taken out of
the flash at each power-on and each reset, as the boot-select logic says; when both PROMs are
destroyed the board is dead.
"""

import asyncio
import contextlib
import logging
import os
import signal
import struct
from collections.abc import Callable
from pathlib import Path

from rig.board.flash_map import FlashMap
from rig.errors import BenchError
from rig.virtual.board import boot_select
from rig.virtual.board.ethernet import CONTROLLER, Link
from rig.virtual.endpoints import HOST, Endpoints
from rig.virtual.flash import qemu_copy
from rig.virtual.flash.nbd_plugin_path import PLUGIN
from rig.virtual.flash.nor_flash import NorFlash
from rig.virtual.short_path import short

log = logging.getLogger(__name__)

# The tools that the board is made of, and the Debian packages that bring them.
TOOLS = {
    "qemu-system-ppc": "qemu-system-ppc",
    "nbdkit": "nbdkit and nbdkit-plugin-python",
    "ser2net": "ser2net",
    "setpriv": "util-linux",
}
WRITE_HEADER = struct.Struct(">QI")
ELF_MAGIC = b"\x7fELF"
NBD_LIMIT_S = 10.0
BOOT_LOOP_S = 0.35  # while told to loop: U-Boot has printed its banner by then
RUNNING_A = 0.84  # drawn from the 5 V feed
DEAD_A = 0.11  # the board's regulators, no processor running
# Children die with the daemon, however it ends.
DIE_TOGETHER = ("setpriv", "--pdeathsig", "KILL", "--")


class Board:
    """One board's processes.  `power(on)` is all that the feed can do to it."""

    def __init__(
        self,
        endpoints: Endpoints,
        flash_map: FlashMap,
        flash: NorFlash,
        trip: Callable[[], None],
        fault: Callable[[str], None],
        link: Callable[[bool], None],
    ) -> None:
        self._endpoints = endpoints
        self.link = Link(short(endpoints.folder) / "qmp.sock", link)
        self._proms = [flash_map.partition(name) for name in boot_select.ORDER]
        self.flash = flash
        flash.missed = self._show_missed
        self._trip = trip
        self._fault = fault
        self.powered = False
        self.qemu: asyncio.subprocess.Process | None = None
        self.nbdkit: asyncio.subprocess.Process | None = None
        self._run: asyncio.Task[None] | None = None
        self._flash_server: asyncio.Server | None = None
        self._generation = 0
        self.boot_loop = False
        self.never_back = False
        self._broken = False  # the bench's own failure: like a fuse that has blown

    @property
    def current_a(self) -> float:
        """What the board draws: nothing when it is the bench that has failed."""
        if not self.powered or self._broken:
            return 0.0
        return RUNNING_A if self.qemu and self.qemu.returncode is None else DEAD_A

    def _break(self, why: str) -> None:
        log.error("%s: %s", self._endpoints.name, why)
        self._broken = True
        self._kill()
        self._fault(why)

    async def open(self) -> None:
        """Be ready to answer the flash server's questions."""
        path = short(self._endpoints.folder) / "flash.sock"
        path.unlink(missing_ok=True)
        self._flash_server = await asyncio.start_unix_server(self._serve_flash, path)

    def power(self, on: bool) -> None:
        """Feed the board, or take its power away at this very moment."""
        self.powered = on
        self._broken = False
        self._generation += 1
        if on:
            self.flash.power_up()
            self._run = asyncio.get_running_loop().create_task(self._live(self._generation))
        else:
            self._kill()

    async def close(self) -> None:
        self.power(on=False)
        if self._run:
            await asyncio.gather(self._run, return_exceptions=True)
        if self._flash_server:
            self._flash_server.close()
        await self.link.close()

    def _kill(self) -> None:
        self.link.down()
        for process in (self.qemu, self.nbdkit):
            if process:
                _end(process)

    async def _live(self, generation: int) -> None:
        """From power-on to power-off: run, and run again after each reset."""
        try:
            while self._generation == generation and not self.never_back:
                if not await self._run_once(generation):
                    return
        except (OSError, BenchError) as error:
            if self._generation == generation:
                self._break(str(error))
        finally:
            if self._generation == generation:
                self._kill()

    async def _run_once(self, generation: int) -> bool:
        """One life of the processor, from reset to reset; False: it stays dead."""
        prom = self._select_prom()
        if not prom.startswith(ELF_MAGIC):  # nothing, or nothing that a processor could run
            log.warning("no PROM in the flash: the board stays dead")
            return False
        prom_file = self._endpoints.folder / "prom.elf"
        prom_file.write_bytes(prom)
        await self._start_flash_server(generation)
        await self.link.watch()
        qemu = await self._start("qemu", self._qemu_command(prom_file))
        if self._generation != generation:  # the power went while this was started
            _end(qemu)
            return False
        self.qemu = qemu
        if self.boot_loop:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.qemu.wait(), BOOT_LOOP_S)
            self._kill()
        code = await self.qemu.wait()
        if self._generation != generation:
            return False  # what runs now is the next power-on's: hands off
        return self._goes_on(code)

    def _goes_on(self, code: int) -> bool:
        """Tell whether QEMU's end was a reset; any other end is the bench's failure."""
        if self.boot_loop:
            self._kill()
            return True
        if self.nbdkit and self.nbdkit.returncode is not None:
            self._break(f"nbdkit ended with {self.nbdkit.returncode}: see nbdkit.log")
            return False
        self._kill()
        if code != 0:
            self._break(f"QEMU ended with {code}: see qemu.log")
            return False
        return True  # QEMU ends by itself at each reset

    def _select_prom(self) -> bytes:
        """Do as the board's boot-select logic: the first PROM that is whole, else nothing."""
        for part in self._proms:
            image = boot_select.image(self.flash.read(part.offset, part.size), self.flash.sector)
            if image is not None:
                return image
            log.warning("%s is not whole", part.name)
        return b""

    async def _start(self, name: str, command: list[str]) -> asyncio.subprocess.Process:
        with (self._endpoints.folder / f"{name}.log").open("ab") as output:
            try:
                return await asyncio.create_subprocess_exec(
                    *DIE_TOGETHER,
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            except FileNotFoundError as error:
                raise BenchError(f"{name} cannot be started: {error}") from error

    async def _start_flash_server(self, generation: int) -> None:
        folder = self._endpoints.folder
        sock = short(folder) / "nbd.sock"
        sock.unlink(missing_ok=True)
        command = ["nbdkit", "--foreground", "--newstyle", "--exit-with-parent"]
        command += ["--unix", str(sock), "python", str(PLUGIN)]
        command += [f"file={self.flash.path}", f"bench={sock.with_name('flash.sock')}"]
        nbdkit = await self._start("nbdkit", command)
        if self._generation != generation:
            _end(nbdkit)
            raise BenchError("the power went while nbdkit was started")
        self.nbdkit = nbdkit
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + NBD_LIMIT_S
        while not sock.exists():
            if nbdkit.returncode is not None or loop.time() > give_up_s:
                raise BenchError(f"nbdkit does not start, see {folder / 'nbdkit.log'}")
            await asyncio.sleep(0.005)
        watch = loop.create_task(self._watch_flash_server(nbdkit))
        watch.add_done_callback(lambda task: task.exception())

    async def _watch_flash_server(self, nbdkit: asyncio.subprocess.Process) -> None:
        """Stop a board whose flash has gone; the status says why."""
        await nbdkit.wait()
        if nbdkit is self.nbdkit and self.qemu and self.qemu.returncode is None and self.powered:
            self._kill()

    def _qemu_command(self, prom: Path) -> list[str]:
        folder = short(self._endpoints.folder)
        forward = f"hostfwd=udp:{HOST}:{self._endpoints.board_service}-:7"
        nbd = f"nbd+unix:///?socket={folder / 'nbd.sock'}"
        return [
            *("qemu-system-ppc", "-M", "ppce500", "-m", "128", "-display", "none"),
            *("-monitor", "none", "-no-user-config", "-nodefaults"),
            *("-action", "reboot=shutdown", "-rtc", "base=2025-01-01,clock=vm"),
            *("-bios", str(prom), "-drive", f"if=pflash,file={nbd},format=raw"),
            *("-netdev", f"user,id=n0,{forward}"),
            *("-device", f"virtio-net-pci,id={CONTROLLER},netdev=n0,romfile="),
            *self.link.arguments,
            *("-serial", f"unix:{folder / 'console.sock'}"),
            *("-serial", f"unix:{folder / 'heartbeat.sock'}"),
        ]

    async def _serve_flash(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry out the writes of one power-on; what comes after its end is dropped."""
        generation = self._generation
        try:
            while True:
                offset, length = WRITE_HEADER.unpack(await reader.readexactly(WRITE_HEADER.size))
                data = await reader.readexactly(length)
                if self._generation != generation or not self.powered:
                    return
                pause_s = 0.0
                if self.flash.real_timing:
                    old = self.flash.read(offset, length)
                    pause_s = self.flash.duration_s(offset, old, data)
                if not self.flash.operate(offset, data):
                    self._trip()
                    return
                if pause_s:
                    await asyncio.sleep(pause_s)
                writer.write(b"k")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _show_missed(self, offset: int, sent: bytes, held: bytes) -> None:
        """Show the running board what its flash holds, not what it sent."""
        if self.qemu is None or self.qemu.returncode is not None:
            return  # it reads the flash when it starts
        try:
            qemu_copy.change(self.qemu.pid, self.flash.size, offset, sent, held)
        except (OSError, BenchError) as error:
            self._break(f"a program that does not take cannot be shown to the board: {error}")

    def kill_for_fault(self, name: str) -> None:
        """Kill `qemu` or `nbdkit` as a failing bench would (control channel only)."""
        process = self.qemu if name == "qemu" else self.nbdkit
        if process is None or process.returncode is not None:
            raise BenchError(f"{name} does not run")
        _end(process)


def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a process of ours.

    Not by its own kill(): that reaps a process which has just ended, and whoever waits for it is
    then told 255 (CPython, subprocess.Popen.send_signal).
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
