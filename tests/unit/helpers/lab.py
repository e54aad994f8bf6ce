# SPDX-License-Identifier: MIT
"""A lab that lends a place: labgrid's coordinator and exporter, and a plug on loopback."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.helpers.plug import Plug, free_port, place_file

BIN = Path(sys.executable).parent
NAME = "walnut-lent"
LIMIT_S = 60.0


class Lab:
    """A coordinator, an exporter, and people who use them; `more`: of both resources."""

    def __init__(self, folder: Path, outlet: Plug, more: str = "") -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self._started: list[subprocess.Popen[str]] = []
        (folder / "exporter.yaml").write_text(
            f"{NAME}:\n"
            f"  NetworkSerialPort: {{host: 127.0.0.1, port: {free_port()}, speed: 115200{more}}}\n"
            f"  NetworkPowerPort: {{model: shelly_gen2, host: '{outlet.url}', index: 0{more}}}\n"
        )
        self.start("listening on", "labgrid-coordinator", "--listen", self.address)
        exporter = ("--coordinator", self.address, "--hostname", "127.0.0.1", "exporter.yaml")
        self.start("Exporter ready", "labgrid-exporter", *exporter)

    def start(self, ready: str, name: str, *words: str) -> None:
        process = subprocess.Popen(
            [BIN / name, *words],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._started.append(process)
        assert process.stdout
        assert any(ready in line for line in process.stdout), f"{name} did not get ready"

    def end_exporter(self) -> None:
        with self._started.pop() as process:
            process.kill()

    def end(self) -> None:
        for process in reversed(self._started):
            with process:
                process.kill()

    def client(self, *words: str, user: str = "us") -> str:
        done = subprocess.run(
            [BIN / "labgrid-client", "-p", NAME, *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            env={**os.environ, "LG_USERNAME": user, "LG_HOSTNAME": "desk"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def lab(
    folder: Path, outlet: Plug, monkeypatch: pytest.MonkeyPatch, more: str = ""
) -> Iterator[Lab]:
    """Open a lab, and acquire its place."""
    monkeypatch.setenv("LG_USERNAME", "us")
    monkeypatch.setenv("LG_HOSTNAME", "desk")
    monkeypatch.setattr("labgrid.resource.common.ResourceManager.instances", {})
    made = Lab(folder, outlet, more)
    monkeypatch.setenv("LG_COORDINATOR", made.address)
    try:
        made.client("create")
        made.client("add-match", f"*/{NAME}/*")
        made.client("acquire")
        yield made
    finally:
        made.end()


def lent_place_file(folder: Path, outlet: Plug) -> Path:
    """Write the place's file, which leaves to the coordinator what the place has."""
    path = place_file(folder, outlet)
    lines = [line for line in path.read_text().splitlines() if "Network" not in line]
    lines.insert(lines.index("    resources:") + 1, f"      RemotePlace: {{name: {NAME}}}")
    path.write_text("\n".join(lines))
    return path
