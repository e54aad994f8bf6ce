# SPDX-License-Identifier: MIT
"""Another board's PROM: Debian's own U-Boot, with a countdown of a second, on a slow line."""

import asyncio
import contextlib
import random
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest
import yaml
from labgrid import Environment

from rig.clock import SystemClock
from rig.drivers.strategy import Status
from rig.virtual.board.pdu import Pdu

UBOOT = Path("/usr/lib/u-boot/qemu-ppce500/uboot.elf")  # Debian's u-boot-qemu
CUTS = 5
BOOT_S = 3.0  # banner, countdown, and the prompt
BITS = 10  # of a byte on the line
SEED = 20_261_128


class OtherBoard:
    """QEMU with Debian's U-Boot behind an outlet, and a raw serial line of `baud`."""

    def __init__(self, folder: Path, baud: int) -> None:
        self._socket = folder / "uart"
        self._byte_s = BITS / baud
        self._qemu: subprocess.Popen[bytes] | None = None
        self._uart: socket.socket | None = None
        self._over = False
        self.outlet = False
        self._line = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._line.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._runner: Any = None
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._pump, self._loop.run_forever)
        ]

    @property
    def powered(self) -> bool:
        return self.outlet

    def switch(self, *, outlet: bool) -> None:
        """Do what the PDU is told."""
        if outlet == self.outlet:
            return
        self.outlet = outlet
        if not outlet:
            if self._qemu:
                self._qemu.kill()
                self._qemu.wait()
            return
        self._socket.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(self._socket))
        server.listen(1)
        command = ["qemu-system-ppc", "-M", "ppce500", "-m", "128", "-display", "none"]
        command += ["-monitor", "none", "-nodefaults", "-bios", str(UBOOT)]
        command += ["-serial", f"unix:{self._socket}"]
        self._qemu = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command])
        uart, self._uart = self._uart, server.accept()[0]
        if uart:
            uart.close()
        server.close()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        serving = Pdu(cast("Any", self)).serve("127.0.0.1", 0)
        self._runner = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10.0)
        self.pdu = int(self._runner.addresses[0][1])
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self.switch(outlet=False)
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(10.0)
        self._loop.close()
        self._line.close()
        if self._uart:
            self._uart.close()

    def _pump(self) -> None:
        """Pass one byte a byte's time, each way; what an off board is told is lost."""
        rig, _ = self._line.accept()
        with rig:
            while not self._over:
                self._pass(rig, self._uart)

    def _pass(self, rig: socket.socket, uart: socket.socket | None) -> None:
        with contextlib.suppress(OSError, ValueError):  # the board went off meanwhile
            ready = select.select([rig, *([uart] if uart else [])], [], [], 0.05)[0]
            if uart and uart in ready:
                rig.sendall(uart.recv(1))
            if rig in ready and (typed := rig.recv(1)) and uart:
                uart.sendall(typed)
        SystemClock().sleep(self._byte_s)

    def place_file(self, folder: Path) -> Path:
        shell = {"prompt": "# ", "login_prompt": "login: ", "username": "root"}
        main = {
            "resources": {
                "NetworkSerialPort": {"host": "127.0.0.1", "port": self.port, "protocol": "raw"},
                "NetworkPowerPort": {
                    "model": "shelly_gen2",
                    "host": f"http://127.0.0.1:{self.pdu}",
                    "index": 0,
                },
            },
            "drivers": {
                "SerialDriver": {},
                "CheckedPowerDriver": {"off_s": 0.3},
                "PromDriver": {"prompt": "=> ", "login_timeout_s": 60.0},
                "WalnutShellDriver": shell,
                "WalnutStrategy": {},
            },
        }
        imports = ["rig.drivers"]
        path = folder / "place.yaml"
        file = {"targets": {"main": main}, "imports": imports}
        path.write_text(yaml.safe_dump(file, sort_keys=False))
        return path


@pytest.fixture(params=[9_600, 115_200])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimpleNamespace]:
    with OtherBoard(tmp_path, request.param) as other:
        environment = Environment(str(other.place_file(tmp_path)))
        strategy = environment.get_target("main").get_driver("WalnutStrategy", activate=False)
        yield SimpleNamespace(strategy=strategy, baud=request.param)
        environment.cleanup()


@pytest.mark.timeout(600)
def test_a_board_that_is_cut_anywhere_in_its_boot_is_brought_to_its_prom(
    board: SimpleNamespace,
) -> None:
    """What the boot before the cut has said is not this boot's, and `version` is no boot.

    An old prompt had matched 2 ms after power-on; the command went into the countdown, which took
    a letter of it, and nobody asked again.
    """
    chance = random.Random(SEED)  # noqa: S311 # when to cut, not a secret
    clock_s = [chance.uniform(0.0, BOOT_S) for _ in range(CUTS)]

    for cut_s in clock_s:
        board.strategy.start()
        SystemClock().sleep(cut_s)  # the cut's instant is what is tried, not waited for
        board.strategy.transition(Status.prom)
        lines, _, code = board.strategy.prom.run("version")

        assert code == 0, f"cut {cut_s:.3f} s into its boot"
        assert lines[0].startswith("U-Boot 2023.01"), lines
    assert board.strategy.power.get() is True
