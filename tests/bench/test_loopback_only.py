# SPDX-License-Identifier: MIT
"""A computer without a network, a container's say, has what the virtual bench needs: loopback."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.conftest import BOARD, ROOT, Bench

pytestmark = pytest.mark.timeout(180)

# Brings the new namespace's loopback up: SIOCSIFFLAGS with IFF_UP, netdevice(7).
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as link:
    fcntl.ioctl(link, 0x8914, struct.pack("16sh22x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""
TO_THE_PROM = """
import sys
from pathlib import Path
from rig.place.place import Place
from rig.drivers.strategy import Status
from rig.virtual.board.serial_server import takes_addresses

assert not takes_addresses(), "the computer has a network after all"
with Place.open(Path(sys.argv[1])) as place:
    place.strategy.transition(Status.prom)
    (said,) = place.strategy.prom.run_check("echo hello")
    print(f"the PROM says {said}")
"""
UNSHARE = ["unshare", "--map-root-user", "--net"]
APART = [*UNSHARE, sys.executable, "-c", LOOPBACK]


@pytest.fixture
def _namespace() -> None:
    """Leave the test out, and say so, where nobody may have a network of his own (a container)."""
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no network namespace can be made here: {tried.stderr.strip()}")


@pytest.mark.usefixtures("_namespace")
def test_a_board_starts_on_a_computer_that_has_loopback_only(
    running_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ports are its own too: the other bench of these tests has the same ones."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    bench = [sys.executable, "-m", "rig.cli", "bench", "run", "--first-board", str(BOARD)]
    use = [sys.executable, "-c", TO_THE_PROM, str(running_bench.place_file(tmp_path))]

    done = subprocess.run(
        [*APART, *bench, "--golden", str(running_bench.golden), "--", *use],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert "the PROM says hello" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
