# SPDX-License-Identifier: MIT
"""A place that is taken away in mid-run: a real coordinator, a plug on loopback, no board."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.errors import BenchError, TakenError
from rig.place import Place
from tests.unit.plug import Plug, free_port, place_file

BIN = Path(sys.executable).parent
NAME = "walnut-lent"
LIMIT_S = 60.0

pytestmark = pytest.mark.usefixtures("own_state")


class Lab:
    """A coordinator, an exporter, and people who use them."""

    def __init__(self, folder: Path, outlet: Plug) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self._started: list[subprocess.Popen[str]] = []
        (folder / "exporter.yaml").write_text(
            f"{NAME}:\n"
            f"  NetworkSerialPort: {{host: 127.0.0.1, port: {free_port()}, speed: 115200}}\n"
            f"  NetworkPowerPort: {{model: shelly_gen2, host: '{outlet.url}', index: 0}}\n"
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

    def end(self) -> None:
        for process in reversed(self._started):
            with process:
                process.kill()

    def client(self, *words: str, user: str = "us") -> None:
        done = subprocess.run(
            [BIN / "labgrid-client", "-p", NAME, *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            env={**os.environ, "LG_USERNAME": user, "LG_HOSTNAME": "desk"},
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def lab(outlet: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("LG_USERNAME", "us")
    monkeypatch.setenv("LG_HOSTNAME", "desk")
    monkeypatch.setattr("labgrid.resource.common.ResourceManager.instances", {})
    made = Lab(tmp_path, outlet)
    monkeypatch.setenv("LG_COORDINATOR", made.address)
    try:
        made.client("create")
        made.client("add-match", f"*/{NAME}/*")
        made.client("acquire")
        yield made
    finally:
        made.end()


@pytest.fixture
def lent(lab: Lab, outlet: Plug, tmp_path: Path) -> Iterator[Place]:  # noqa: ARG001 # it must be up
    """Open the place, and give its board its power."""
    path = place_file(tmp_path, outlet)
    lines = [line for line in path.read_text().splitlines() if "Network" not in line]
    lines.insert(lines.index("    resources:") + 1, f"      RemotePlace: {{name: {NAME}}}")
    path.write_text("\n".join(lines))
    place = Place.open(path)
    place.strategy.target.activate(place.power)
    place.power.on()
    assert outlet.on
    yield place
    outlet.on = False


def test_a_place_that_stays_ours_is_switched_off_in_the_end(lent: Place, outlet: Plug) -> None:
    lent.close()
    assert not outlet.on


def test_a_place_that_somebody_took_is_left_alone_and_says_who(
    lent: Place, lab: Lab, outlet: Plug
) -> None:
    lab.client("release", "--kick", user="alice")
    lab.client("acquire", user="alice")
    before = list(outlet.commands)

    with pytest.raises(TakenError, match="was taken by desk/alice in mid-run"):
        lent.boot()
    for act in (lent.power.on, lent.power.off, lent.power_path.feed, lent.close):
        with pytest.raises(TakenError, match="desk/alice"):
            act()

    assert outlet.commands == before, "it is hers"


def test_a_place_that_is_nobodys_gets_no_power_and_is_switched_off(
    lent: Place, lab: Lab, outlet: Plug
) -> None:
    lab.client("release", "--kick", user="alice")
    with pytest.raises(BenchError, match="is nobody's now"):
        lent.boot()
    lent.close()
    assert not outlet.on


def test_a_coordinator_that_is_gone_is_named_and_the_board_switched_off(
    lent: Place, lab: Lab, outlet: Plug
) -> None:
    lab.end()
    with pytest.raises(BenchError, match="coordinator does not say whose place"):
        lent.boot()
    lent.close()
    assert not outlet.on
