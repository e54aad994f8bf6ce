# SPDX-License-Identifier: MIT
"""The bench comes up whole or says why not, and leaves nothing behind."""

import os
import signal
import socket
from pathlib import Path

import pytest

from rig.clock import Deadline, SystemClock
from rig.errors import BenchError
from rig.virtual import control
from rig.virtual.board.board import TOOLS
from rig.virtual.daemon import lock_state
from rig.virtual.endpoints import Endpoints
from tests.bench.conftest import Bench, numbered

pytestmark = pytest.mark.timeout(120)

GOLDEN_KEYS = {"console", "heartbeat", "pdu", "supply", "counter", "interposer", "service", "flash"}
OTHER_BOARD = numbered(14)


def test_status_names_every_endpoint(bench: Bench) -> None:
    assert set(bench.board) >= GOLDEN_KEYS | {"name", "powered", "faults"}


def test_a_port_in_use_is_named(tmp_path: Path, running_bench: Bench) -> None:
    port = Endpoints(OTHER_BOARD, tmp_path).supply
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(BenchError, match=f"TCP port {port} .* in use"):
            control.start(tmp_path, running_bench.golden, boards=1, first_board=OTHER_BOARD)


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "no-such-qemu", "qemu-system-ppc")
    with pytest.raises(BenchError, match=r"no-such-qemu \(Debian package qemu-system-ppc\)"):
        control.check_tools()


def processes_of(state: Path) -> list[int]:
    """Return the processes whose command line names the state folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(state).encode() in command:
                found.append(int(entry.name))
    return found


def test_a_killed_bench_leaves_no_process_and_no_port(tmp_path: Path, running_bench: Bench) -> None:
    clock = SystemClock()
    control.start(tmp_path, running_bench.golden, boards=1, first_board=OTHER_BOARD)
    pids = processes_of(tmp_path)
    assert len(pids) >= 3, "the daemon and a ser2net for each line"
    daemon = min(pids)  # it started the others
    os.kill(daemon, signal.SIGKILL)
    deadline = Deadline.after(clock, 10.0)
    while processes_of(tmp_path):
        assert not deadline.passed, f"left behind: {processes_of(tmp_path)}"
        clock.sleep(0.05)
    control.start(tmp_path, running_bench.golden, boards=1, first_board=OTHER_BOARD)
    control.stop(tmp_path)
    assert not processes_of(tmp_path)


def test_two_benches_cannot_share_a_state_folder(running_bench: Bench) -> None:
    with pytest.raises(BenchError, match="another bench holds"):
        lock_state(running_bench.state)
