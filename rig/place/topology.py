# SPDX-License-Identifier: MIT
"""What a place consists of and what joins it, as its file says: for the reports' drawing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.secrecy import hide

PLACE_FILE = "place.json"  # in a run's folder: what its reports say of the place
# What an instrument of that name is connected to at the board.
JOINS = {
    "counter": "heartbeat",
    "supply": "5 V",
    "interposer": "flash bus",
    "generator": "reference",
    "oscilloscope": "heartbeat",
    "analyser": "heartbeat",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of equipment between rig and board."""

    name: str
    model: str
    address: str  # without user and password
    joins: str


def described(folder: Path) -> dict[str, Any] | None:
    """Return what a run's folder says of its place; None: the run is of an older rig."""
    try:
        text = (folder / PLACE_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    found: dict[str, Any] = json.loads(text)
    return found


def parts(environment: Any) -> tuple[Part, ...]:  # noqa: ANN401 # labgrid is untyped
    """Return the equipment of a place's labgrid environment, in the order of its file."""
    main = environment.get_target("main")
    found = []
    for resource in main.resources:
        kind = type(resource).__name__
        if kind == "NetworkSerialPort":
            model = "RFC 2217" if resource.protocol == "rfc2217" else "raw TCP"
            found.append(Part("console", model, f"{resource.host}:{resource.port}", "UART"))
        elif kind in {"RawSerialPort", "USBSerialPort"}:
            found.append(Part("console", kind, str(resource.port or ""), "UART"))
        elif kind == "NetworkPowerPort":
            outlet = f"outlet {resource.index}"
            found.append(Part("PDU", resource.model, hide(resource.host), outlet))
        elif kind == "BoardService":
            found.append(Part("traffic", "UDP", f"{resource.host}:{resource.port}", "Ethernet"))
        elif kind == "BundleServer":
            found.append(Part("bundles", "HTTP", hide(resource.url), "Ethernet"))
    if bench := environment.get_target("bench"):
        for resource in bench.resources:
            if type(resource).__name__ == "ScpiInstrument":
                joins = JOINS.get(resource.name, "")
                found.append(Part(resource.name, resource.model, hide(resource.visa), joins))
    return tuple(found)
