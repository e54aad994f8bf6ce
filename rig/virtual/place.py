# SPDX-License-Identifier: MIT
"""One board with all its equipment, wired."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rig.board.flash_map import FlashMap
from rig.errors import BenchError, UsageError
from rig.virtual.board.board import Board
from rig.virtual.board.lines import SerialLine
from rig.virtual.board.pdu import Pdu
from rig.virtual.board.power import Feed
from rig.virtual.endpoints import HOST, Endpoints
from rig.virtual.flash.nor_flash import NorFlash
from rig.virtual.instruments.interposer import Interposer
from rig.virtual.instruments.interrupter import VirtualInterrupter
from rig.virtual.instruments.models import COUNTERS, DEFAULTS, SUPPLIES
from rig.virtual.instruments.scpi import Instrument
from rig.virtual.instruments.scpi_link import INSTRUMENT_FAULTS, serve

if TYPE_CHECKING:
    import asyncio

    from aiohttp import web

NOISE = b"\xff\xfe\x80noise\xc3\x28\r\n"


class VirtualPlace:
    """What stands on one shelf of the lab."""

    def __init__(
        self,
        endpoints: Endpoints,
        flash_map: FlashMap,
        golden: Path,
        models: Mapping[str, str] = DEFAULTS,
    ) -> None:
        self.endpoints = endpoints
        self.models = dict(models)
        endpoints.folder.mkdir(parents=True, exist_ok=True)
        flash_file = endpoints.flash
        if not flash_file.exists() or flash_file.stat().st_size != flash_map.size:
            load_golden(golden, flash_file, flash_map)
        self.faults: list[str] = []
        self._met_at_once = 0
        self.feed = Feed()
        self.flash = NorFlash(flash_file, flash_map.sector)
        self.board = Board(
            endpoints,
            flash_map,
            self.flash,
            self._trip,
            self.faults.append,
            lambda up: self.interrupter.order(link=up),
        )
        self.feed.changed = self.board.power
        self.pdu = Pdu(self.feed)
        self.supply = SUPPLIES[models["supply"]](self.feed)
        self.supply.outputs.load_a = lambda: self.board.current_a
        self.counter = COUNTERS[models["counter"]]()
        self.interposer = Interposer(self.flash, self.feed)
        folder = endpoints.folder
        self.console = SerialLine("console", folder, endpoints.console)
        self.interrupter = VirtualInterrupter(self.counter.pulses, self.faults.append)
        taps = (self.interrupter.pulses, self.interrupter.own_pulse)
        self.heartbeat = SerialLine("heartbeat", folder, endpoints.heartbeat, *taps)
        self.interrupter.emit = self.heartbeat.put_pulse
        self._servers: list[asyncio.Server] = []
        self._outlet: web.AppRunner | None = None

    def _trip(self) -> None:
        """Cut: the interposer's trigger inhibits the supply, which latches."""
        self.feed.switch(inhibited=True)

    @property
    def instruments(self) -> dict[str, Instrument]:
        return {
            "supply": self.supply,
            "counter": self.counter,
            "interposer": self.interposer,
            "gate": self.interrupter,
        }

    async def open(self) -> None:
        """Plug everything in; return when each endpoint answers."""
        ports = self.endpoints
        await self.board.open()
        await self.interrupter.open(
            ports.service, ports.board_service, ports.folder / "interrupter.log"
        )
        self._outlet = await self.pdu.serve(HOST, ports.pdu)
        for name, instrument in self.instruments.items():
            self._servers.append(await serve(instrument, HOST, getattr(ports, name)))
        for line in (self.console, self.heartbeat):
            await line.open()
        for line in (self.console, self.heartbeat):
            await line.ready()

    async def close(self) -> None:
        await self.board.close()
        await self.interrupter.close()
        for line in (self.console, self.heartbeat):
            await line.close()
        for server in self._servers:
            server.close()
        if self._outlet:
            await self._outlet.cleanup()
        self.flash.close()

    def status(self) -> dict[str, Any]:
        status = self.endpoints.status()
        return status | {
            "models": self.models,
            "powered": self.feed.powered,
            "link": "up" if self.board.link.up else "down",
            "faults": list(self.faults),
            "faults_met": self._faults_met(),
        }

    def _faults_met(self) -> int:
        """Return how often a fault that was set since the last `clear` has acted on somebody."""
        met = sum(instrument.faults.met for instrument in self.instruments.values())
        met += self.pdu.faults.met + self.flash.met + self.console.talked
        return self._met_at_once + met

    def restore(self, golden: Path) -> None:
        """Program a whole flash, as a lab does through JTAG; the board must be off."""
        if self.feed.powered:
            raise UsageError(f"{self.endpoints.name} is on: switch it off before its flash is set")
        data = golden.read_bytes()
        if len(data) != self.flash.size:
            raise UsageError(f"{golden}: {len(data)} bytes, the flash has {self.flash.size}")
        self.flash.load(0, data)
        self.flash.reset_count()
        self.faults.clear()

    def set_fault(self, name: str, value: str) -> None:
        """Misbehave as told over the control channel, docs/reference/virtual-instruments.md."""
        target, _, detail = name.partition(".")
        on = value not in {"", "0", "off"}
        match target, detail:
            case "clear", "":
                self.clear_faults()
            case "pdu", ("hang" | "lie" | "refuse"):
                setattr(self.pdu.faults, detail, on)
            case (("supply" | "counter" | "interposer" | "gate"), _) if detail in INSTRUMENT_FAULTS:
                self.instruments[target].misbehave(detail, value)
            case "console", "noise":
                self.console.inject(NOISE * int(value or 1))
                self._met_at_once += 1
            case "console", "printk":
                self.console.talk(float(value or 0))
            case "board", "boot-loop":
                self.board.boot_loop = on
            case "board", "never-back":
                self.board.never_back = on
            case "board", "weak-flash":
                self.flash.weak = int(value)
            case (("qemu" | "nbdkit"), "kill"):
                self.board.kill_for_fault(target)
                self._met_at_once += 1
            case _:
                self._set_quiet_fault(name, value, on=on)

    def _set_quiet_fault(self, name: str, value: str, *, on: bool) -> None:
        """Make an instrument answer well and be wrong, or a path lose or delay what it is given."""
        match name:
            case "counter.unplug":
                self.counter.connected = not on
            case "counter.time-base":
                self.counter.time_base = float(value)
            case "interposer.late":
                self.flash.late = int(value)
            case "traffic.down":
                self.interrupter.kill()
                self._met_at_once += 1
            case "network.down":
                self.board.link.plug(on=not on)
                self._met_at_once += 1
            case "traffic.delay":
                self.interrupter.order(delay=float(value))
            case "traffic.jitter":
                self.interrupter.order(jitter=float(value))
            case _:
                raise UsageError(f"no fault {name!r}; see docs/reference/virtual-instruments.md")

    def clear_faults(self) -> None:
        for instrument in self.instruments.values():
            instrument.faults.clear()
        self.pdu.faults.hang = self.pdu.faults.lie = self.pdu.faults.refuse = False
        self.pdu.faults.met = self.flash.met = self._met_at_once = 0
        self.board.boot_loop = self.board.never_back = False
        self.counter.connected = True
        self.counter.time_base, self.flash.late, self.flash.weak = 1.0, 0, 0
        self.interrupter.revive()
        self.interrupter.order(delay=0.0, jitter=0.0)
        self.board.link.plug(on=True)
        self.console.talk(0.0)
        self.console.talked = 0
        self.faults.clear()


def load_golden(golden: Path, flash: Path, flash_map: FlashMap) -> None:
    """Copy a golden flash into place; BenchError if it is not there or of another size."""
    try:
        size = golden.stat().st_size
    except OSError as error:
        raise BenchError(
            f"no golden flash {golden}: {error.strerror}; `make firmware` builds it"
        ) from error
    if size != flash_map.size:
        raise BenchError(f"{golden}: {size} bytes, the flash has {flash_map.size}")
    copy = flash.with_suffix(".new")
    shutil.copyfile(golden, copy)
    copy.replace(flash)
