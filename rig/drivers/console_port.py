# SPDX-License-Identifier: MIT
"""Which console a driver opens, in words, and whether its port is there."""

import contextlib
import os
import shlex
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrid.driver.externalconsoledriver import ExternalConsoleDriver
from labgrid.exceptions import NoResourceFoundError
from labgrid.resource import NetworkSerialPort
from labgrid.resource.base import SerialPort
from labgrid.resource.udev import USBSerialPort

from rig.errors import BenchError

CONNECT_LIMIT_S = 3.0
STAYS_S = 1.0  # a server that has its device leaves the connection open for longer
SAID_MAX = 4096


@dataclass(frozen=True, slots=True)
class ConsolePort:
    """What is known of a console without opening it."""

    kind: str
    where: str

    @classmethod
    def of(cls, console: Any) -> "ConsolePort":  # noqa: ANN401 # any of labgrid's console drivers
        """Describe what a driver is bound to."""
        port = getattr(console, "port", None)
        if isinstance(port, NetworkSerialPort):
            kind = "RFC 2217" if port.protocol == "rfc2217" else "raw TCP"
            return cls(kind, f"{port.host}:{port.port}")
        if isinstance(port, USBSerialPort) and port.port is None:
            wanted = ", ".join(f"{key}={value}" for key, value in port.match.items())
            return cls("serial port", f"USB serial port with {wanted}")
        if isinstance(port, SerialPort):
            return cls("serial port", os.path.realpath(port.port))
        return cls(type(console).__name__, str(getattr(console, "cmd", console.name or "")))


def check(console: Any) -> None:  # noqa: ANN401
    """Make sure that a console's port is there, without opening it: that may reset a board.

    Raises:
        BenchError: it is not, or is not for this user.
        OSError: nobody listens there.
    """
    port = getattr(console, "port", None)
    if isinstance(port, NetworkSerialPort):
        _check_server(port)
    elif isinstance(port, SerialPort):
        _check_device(console, port)
    elif isinstance(console, ExternalConsoleDriver):
        program = shlex.split(console.cmd)[0]
        if shutil.which(program) is None:
            raise BenchError(f"there is no program {program!r}")


def _check_server(port: NetworkSerialPort) -> None:
    """Connect, and see that the connection stays: a server without its device ends it at once."""
    said = b""
    with socket.create_connection((port.host, port.port), CONNECT_LIMIT_S) as link:
        link.settimeout(STAYS_S)
        with contextlib.suppress(TimeoutError):
            while part := link.recv(4096):
                said += part
                if len(said) > SAID_MAX:
                    return  # the board talks
            raise BenchError(
                f"its server ends the connection at once, {_words(said)}: look whether the serial"
                " adapter is plugged in under the name that the server's file has, and whether"
                " somebody else has the port"
            )


def _words(said: bytes) -> str:
    """Return what a server said, without telnet's own bytes."""
    text = "".join(chr(byte) for byte in said if 32 <= byte < 127).strip()
    return f"saying {text!r}" if text else "without a word"


def _check_device(console: Any, port: SerialPort) -> None:  # noqa: ANN401
    try:
        console.target.await_resources([port])
    except NoResourceFoundError as error:
        where = ConsolePort.of(console).where
        raise BenchError(f"no {where} is plugged into this computer") from error
    if not Path(port.port).exists():
        raise BenchError(f"there is no {port.port}")
    if not os.access(port.port, os.R_OK | os.W_OK):
        raise BenchError(
            f"this user may not use {port.port}: its group is {Path(port.port).group()!r}"
        )
