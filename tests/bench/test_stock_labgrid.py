# SPDX-License-Identifier: MIT
"""Stock labgrid, with nothing of ours loaded, moves the virtual board."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from rig.clock import Deadline, SystemClock
from tests.bench.conftest import ROOT, Bench

pytestmark = pytest.mark.timeout(120)

COORDINATOR = "127.0.0.1:29398"
PLACE = "walnut-virtual-1"
BIN = Path(sys.executable).parent


def environment() -> dict[str, str]:
    return {**os.environ, "LG_COORDINATOR": COORDINATOR, "LG_PLACE": PLACE}


def client(*words: str) -> str:
    done = subprocess.run(
        [BIN / "labgrid-client", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60.0,
        env=environment(),
    )
    assert done.returncode == 0, f"labgrid-client {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def wait_for(what: Callable[[], bool], limit_s: float) -> None:
    clock = SystemClock()
    deadline = Deadline.after(clock, limit_s)
    while not what():
        assert not deadline.passed, f"not within {limit_s} s"
        clock.sleep(0.2)


def coordinator_is_up() -> bool:
    done = subprocess.run(
        [BIN / "labgrid-client", "resources"],
        check=False,
        capture_output=True,
        timeout=60.0,
        env=environment(),
    )
    return done.returncode == 0


@pytest.fixture
def lab(bench: Bench, tmp_path: Path) -> Iterator[None]:
    """Run a coordinator and an exporter with places/exporter-virtual.yaml."""
    text = (ROOT / "places" / "exporter-virtual.yaml").read_text()
    for offset in (1, 3):
        text = text.replace(str(29100 + offset), str(bench.endpoints.base + offset))
    (tmp_path / "exporter.yaml").write_text(text)
    log = (tmp_path / "log").open("w")
    started = []
    try:
        for command in (
            [str(BIN / "labgrid-coordinator"), "--listen", COORDINATOR],
            [str(BIN / "labgrid-exporter"), "--coordinator", COORDINATOR, "exporter.yaml"],
        ):
            started.append(
                subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, env=environment())
            )
            wait_for(coordinator_is_up, 30.0)
        assert all(process.poll() is None for process in started), (tmp_path / "log").read_text()
        yield
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=20.0)
        log.close()


@pytest.mark.usefixtures("lab")
def test_labgrid_client_power_cycles_the_board_and_shows_its_console(bench: Bench) -> None:
    client("create")
    client("add-match", f"*/{PLACE}/*")
    wait_for(lambda: "NetworkPowerPort" in client("resources"), 30.0)
    client("acquire")
    try:
        console = pexpect.spawn(
            str(BIN / "labgrid-client"), ["console"], env=environment(), timeout=30
        )
        console.expect("connecting to")
        client("power", "cycle")
        assert bench.board["powered"]
        console.expect("walnut login:")
        console.close(force=True)
        assert "on" in client("power", "get")
        client("power", "off")
        assert not bench.board["powered"]
    finally:
        client("release")
