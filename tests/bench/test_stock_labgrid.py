# SPDX-License-Identifier: MIT
"""Stock labgrid moves the virtual board, and lends it to the rig."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from rig.clock import Deadline, SystemClock
from tests.bench.conftest import ROOT, WORKER, Bench, run_rig

pytestmark = pytest.mark.timeout(120)

COORDINATOR = f"127.0.0.1:{29398 + 200 * WORKER}"
PLACE = "walnut-virtual-1"
BIN = Path(sys.executable).parent


def environment(user: str = "") -> dict[str, str]:
    """Return what labgrid reads; `user` is another person on another computer."""
    other = {"LG_USERNAME": user, "LG_HOSTNAME": f"desk-of-{user}"} if user else {}
    return {**os.environ, "LG_COORDINATOR": COORDINATOR, "LG_PLACE": PLACE, **other}


def client(*words: str, user: str = "") -> str:
    done = subprocess.run(
        [BIN / "labgrid-client", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60.0,
        env=environment(user),
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


@pytest.fixture
def lab_place(lab: None) -> None:  # noqa: ARG001 # it must be up
    """Tell the coordinator of the board; nobody holds it yet."""
    client("create")
    client("add-match", f"*/{PLACE}/*")
    wait_for(lambda: "NetworkPowerPort" in client("resources"), 30.0)


@pytest.mark.usefixtures("lab_place")
def test_labgrid_client_power_cycles_the_board_and_shows_its_console(bench: Bench) -> None:
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


def remote_place_file(bench: Bench, folder: Path) -> Path:
    """Write the place file of the board as the coordinator lends it: without addresses of its."""
    base = bench.endpoints.base
    console = f"{{host: 127.0.0.1, port: {base + 1}, speed: 115200}}"
    outlet = f"{{model: shelly_gen2, host: 'http://127.0.0.1:{base + 3}', index: 0}}"
    return bench.place_file(
        folder,
        (f"      NetworkSerialPort: {console}\n", ""),
        (f"NetworkPowerPort: {outlet}", f"RemotePlace: {{name: {PLACE}}}"),
    )


@pytest.mark.usefixtures("lab_place")
def test_the_rig_uses_a_place_that_it_was_lent(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rig rescue` opens the place, programs its flash and waits for the service."""
    monkeypatch.setenv("LG_COORDINATOR", COORDINATOR)
    place = remote_place_file(bench, tmp_path)
    client("acquire")
    try:
        looked = run_rig("doctor", "--place", place)
        booted = run_rig("rescue", "--place", place)
    finally:
        client("release")

    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert f"ok   console 127.0.0.1:{bench.endpoints.console} is reachable" in looked.stdout
    assert booted.returncode == 0, booted.stdout + booted.stderr
    assert "boots 1.0.0" in booted.stdout


@pytest.mark.usefixtures("lab_place")
def test_a_place_that_somebody_else_holds_is_left_alone(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LG_COORDINATOR", COORDINATOR)
    place = remote_place_file(bench, tmp_path)
    cycle = ("cycle", "--place", place, "--from", "1.0.0", "--to", "2.0.0", "--no-allure")
    client("acquire", user="alice")
    try:
        looked = run_rig("doctor", "--place", place)
        rescue = run_rig("rescue", "--place", place)
        cycled = run_rig(*cycle, "--report", tmp_path / "report")
    finally:
        client("release", user="alice")

    assert looked.returncode == 3
    assert "acquired by alice" in looked.stdout
    for refused in (rescue, cycled):
        assert refused.returncode == 2, refused.stdout + refused.stderr
        assert "acquired by alice" in refused.stdout + refused.stderr
    assert "you (the call) must act" in rescue.stderr
    assert not bench.board["powered"]
