# SPDX-License-Identifier: MIT
"""The virtual bench in a build server's workspace: the paths of its folders are long and odd."""

from pathlib import Path

import pytest
import requests

from rig.board.walnut.service import ServiceClient
from rig.clock import Deadline, SystemClock
from rig.virtual import control
from tests.bench.conftest import Bench, numbered

pytestmark = pytest.mark.timeout(240)

ODD_BOARD = numbered(15)
BOOT_LIMIT_S = 120.0


@pytest.mark.parametrize("name", ["w" * 150, "mit Leer, Zeichen=ü"], ids=["long", "odd"])
def test_a_board_starts_wherever_its_bench_keeps_its_files(tmp_path: Path, name: str) -> None:
    """A Unix socket's path has 107 bytes, and a comma ends an option of QEMU's."""
    bench = Bench(tmp_path / name, ODD_BOARD)
    bench.up()
    try:
        call = {"id": 1, "method": "Switch.Set", "params": {"id": 0, "on": True}}
        requests.post(f"{bench.board['pdu']['host']}/rpc", json=call, timeout=10.0)
        clock = SystemClock()
        service = ServiceClient("127.0.0.1", bench.endpoints.service, clock)
        service.wait_up(Deadline.after(clock, BOOT_LIMIT_S), "1.0.0")

        assert bench.board["powered"]
        assert bench.board["faults"] == []
    finally:
        control.stop(bench.state)
