# SPDX-License-Identifier: MIT
"""Where each board's equipment listens: fixed ports, docs/reference/bench-endpoints.md."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
FIRST_BASE = 29100
PORTS_PER_BOARD = 20


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The ports and the folder of board number `number` (1, 2, …)."""

    number: int
    folder: Path

    @property
    def name(self) -> str:
        return f"walnut-virtual-{self.number}"

    @property
    def base(self) -> int:
        return FIRST_BASE + PORTS_PER_BOARD * (self.number - 1)

    @property
    def console(self) -> int:
        return self.base + 1

    @property
    def heartbeat(self) -> int:
        return self.base + 2

    @property
    def pdu(self) -> int:
        return self.base + 3

    @property
    def supply(self) -> int:
        return self.base + 4

    @property
    def counter(self) -> int:
        return self.base + 5

    @property
    def interposer(self) -> int:
        return self.base + 6

    @property
    def service(self) -> int:
        return self.base + 7

    @property
    def gate(self) -> int:
        return self.base + 8

    @property
    def board_service(self) -> int:
        """The board's own end of the service's path, behind the gate."""
        return self.base + 9

    @property
    def flash(self) -> Path:
        return self.folder / "flash.nor"

    @property
    def tcp_ports(self) -> tuple[int, ...]:
        return (*range(self.base + 1, self.base + 7), self.gate)

    @property
    def udp_ports(self) -> tuple[int, ...]:
        return (self.service, self.board_service)

    def status(self) -> dict[str, Any]:
        """Return what a lab owner reads off the labels, as JSON."""

        def line(port: int) -> dict[str, Any]:
            return {"host": HOST, "port": port, "protocol": "rfc2217"}

        def visa(port: int) -> dict[str, str]:
            return {"visa": f"TCPIP0::{HOST}::{port}::SOCKET"}

        size = self.flash.stat().st_size if self.flash.exists() else 0
        return {
            "name": self.name,
            "console": line(self.console),
            "heartbeat": line(self.heartbeat),
            "pdu": {"model": "shelly_gen2", "host": f"http://{HOST}:{self.pdu}", "index": 0},
            "supply": visa(self.supply),
            "counter": visa(self.counter),
            "interposer": visa(self.interposer),
            "gate": visa(self.gate),
            "service": {"host": HOST, "port": self.service, "protocol": "udp"},
            "flash": {"file": str(self.flash), "size": size},
        }
