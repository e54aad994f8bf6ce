# SPDX-License-Identifier: MIT
"""The real ser2net, which serves a pty by RFC 2217 on a port of loopback."""

import asyncio
import contextlib
import socket
from pathlib import Path

from rig.errors import BenchError
from rig.virtual.board.board import DIE_TOGETHER
from rig.virtual.endpoints import HOST
from rig.virtual.short_path import short

SETTINGS = """%YAML 1.1
---
connection: &{name}
  accepter: telnet(rfc2217=true),{accepter}
  connector: serialdev,{device},115200n81,local
  options:
    max-connections: 4
"""
CHUNK_BYTES = 4096
READY_LIMIT_S = 15.0
END_LIMIT_S = 2.0


def takes_addresses() -> bool:
    """Tell whether ser2net can listen on an address here.

    It looks up numbers too, one family at a time and with AI_ADDRCONFIG (gensio
    lib/net_addrinfo.c), and glibc knows none of a family of which the computer has no address but
    127.0.0.1: offline, or in a container without a network.
    """
    try:
        socket.getaddrinfo(HOST, None, socket.AF_INET, flags=socket.AI_ADDRCONFIG)
    except socket.gaierror:
        return False
    return True


class SerialServer:
    """ser2net for the pty `device`.

    Where it cannot listen on an address it listens on a Unix socket, and a relay in front of that
    has the port.
    """

    def __init__(self, name: str, folder: Path, device: str, port: int) -> None:
        self._name = name
        self._folder = folder
        self._device = device
        self._port = port
        self._log = folder / f"ser2net-{name}.log"
        self._socket = short(folder) / f"ser2net-{name}.sock"
        self._direct = takes_addresses()
        self._process: asyncio.subprocess.Process | None = None
        self._relay: asyncio.Server | None = None

    async def open(self) -> None:
        """Start ser2net."""
        self._socket.unlink(missing_ok=True)
        accepter = f"tcp,{HOST},{self._port}" if self._direct else f"unix,{self._socket}"
        settings = self._folder / f"ser2net-{self._name}.yaml"
        settings.write_text(
            SETTINGS.format(name=self._name, accepter=accepter, device=self._device)
        )
        with self._log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *DIE_TOGETHER,
                *("ser2net", "-n", "-d", "-c", str(settings)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    async def ready(self) -> None:
        """Wait until it serves.

        Raises:
            BenchError: it does not; holds its last words.
        """
        try:
            async with asyncio.timeout(READY_LIMIT_S):
                while not await self._serves():
                    self._check()
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise BenchError(
                f"ser2net did not serve the {self._name} line within {READY_LIMIT_S:.0f} s: see"
                f" {self._log}"
            ) from error
        if not self._direct:
            self._relay = await relay(self._port, self._socket)

    def _check(self) -> None:
        """Look whether it gave up: it stays up without its port, and only says so."""
        words = self._log.read_text(errors="replace").strip().splitlines()
        if any("Invalid accepter" in line for line in words):
            raise BenchError(f"ser2net cannot serve the {self._name} line: {words[-1]}")

    async def _serves(self) -> bool:
        try:
            if self._direct:
                _, writer = await asyncio.open_connection(HOST, self._port)
            else:
                _, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        writer.close()
        return True

    async def close(self) -> None:
        if self._relay:
            self._relay.close()
        if not self._process or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(END_LIMIT_S):
                await self._process.wait()
        except TimeoutError:  # it hangs when it could not listen
            self._process.kill()
            await self._process.wait()


async def relay(port: int, path: Path) -> asyncio.Server:
    """Serve the Unix socket `path` on a port of loopback; who finds nobody there is hung up on."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_unix_connection(path)
            await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
        writer.close()

    return await asyncio.start_server(take, HOST, port)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()
