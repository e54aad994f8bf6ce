# SPDX-License-Identifier: MIT
"""The bench's one process: every board with its equipment, and a control socket.

Control: one JSON object a line each way, over a Unix socket in the state folder.
"""

import argparse
import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from rig.board.flash_map import FlashMap
from rig.errors import BenchError, RigError, UsageError
from rig.virtual.endpoints import HOST, Endpoints
from rig.virtual.instruments.models import choose
from rig.virtual.place import VirtualPlace
from rig.virtual.short_path import short

log = logging.getLogger(__name__)

CONTROL = "control.sock"
STATE = "bench.json"
LOCK = "lock"
FORMAT = 1
# A thread that stamps pulses must not wait long for the interpreter (default 5 ms).
SWITCH_INTERVAL_S = 0.0005


def lock_state(folder: Path) -> int:
    """Hold the state folder; BenchError if another bench does.  Dies with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise BenchError(f"another bench holds {folder}: `rig bench down` ends it") from error
    return handle


def check_ports(endpoints: Endpoints) -> None:
    """Say at once, and by name, which port somebody else has."""
    ports = [(port, socket.SOCK_STREAM) for port in endpoints.tcp_ports]
    for port, kind in [*ports, *((port, socket.SOCK_DGRAM) for port in endpoints.udp_ports)]:
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                protocol = "TCP" if kind == socket.SOCK_STREAM else "UDP"
                raise BenchError(
                    f"{protocol} port {port} of {endpoints.name} is in use by another program: "
                    "end that program, or use --first-board for other ports"
                ) from error


class Daemon:
    """All boards of one bench."""

    def __init__(self, folder: Path, places: list[VirtualPlace]) -> None:
        self._folder = folder
        self._places = places
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        control = short(self._folder) / CONTROL
        control.unlink(missing_ok=True)
        try:
            for place in self._places:
                await place.open()
            server = await asyncio.start_unix_server(self._talk, control)
            log.info("ready")
            await self._over.wait()
            server.close()
        finally:
            for place in self._places:
                await place.close()
            control.unlink(missing_ok=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                try:
                    answer = self._carry_out(json.loads(line))
                except UsageError as error:
                    answer = {"error": str(error), "who": "you"}
                except (RigError, ValueError, KeyError, OSError) as error:
                    answer = {"error": str(error), "who": "bench"}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    def _place(self, name: str | None) -> VirtualPlace:
        for place in self._places:
            if name in {None, place.endpoints.name, str(place.endpoints.number)}:
                return place
        known = ", ".join(place.endpoints.name for place in self._places)
        raise UsageError(f"no board {name!r}; this bench has {known}")

    def _carry_out(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "status":
                return {"format": FORMAT, "boards": [place.status() for place in self._places]}
            case "down":
                self._over.set()
            case "restore":
                self._place(request.get("board")).restore(Path(request["golden"]))
            case "fault":
                place = self._place(request.get("board"))
                place.set_fault(request["name"], str(request.get("value", "1")))
            case other:
                raise UsageError(f"no such request {other!r}")
        return {"done": True}


def main() -> int:
    """Run in the foreground; `rig bench up` starts this in the background."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--boards", type=int, required=True)
    parser.add_argument("--first-board", type=int, required=True)
    parser.add_argument("--golden", type=Path, required=True)
    parser.add_argument("--model", action="append", default=[])
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        handle = lock_state(arguments.state)
        flash_map = FlashMap.load()
        numbers = range(arguments.first_board, arguments.first_board + arguments.boards)
        endpoints = [Endpoints(n, arguments.state / f"walnut-virtual-{n}") for n in numbers]
        for place in endpoints:
            check_ports(place)
        models = choose(arguments.model)
        places = [VirtualPlace(place, flash_map, arguments.golden, models) for place in endpoints]
        asyncio.run(Daemon(arguments.state, places).run())
        os.close(handle)
    except (RigError, TimeoutError, OSError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)  # noqa: T201 # up shows it
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
