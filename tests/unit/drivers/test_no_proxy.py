# SPDX-License-Identifier: MIT
"""Behind a company's proxy, on a terminal of another century, into a pipe that nobody reads."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from labgrid import Target
from labgrid.resource.power import NetworkPowerPort

from rig.drivers.no_proxy import directly
from rig.drivers.power import CheckedPowerDriver
from rig.errors import UNHEARD
from tests.unit.helpers.recorded import recorded_night


@contextmanager
def web(status: int, asked: list[str]) -> Iterator[str]:
    """Answer every request alike; `asked` are the paths, which a proxy is told whole."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "1")
            self.end_headers()
            self.wfile.write(b"1")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_power_switch_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    through: list[str] = []
    with web(503, through) as proxy, web(200, []) as outlet:
        for variable in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(variable, "example.org")
        for variable in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(variable, proxy)
        assert requests.get(outlet, timeout=10.0).status_code == 503, "the proxy is asked"
        through.clear()
        target = Target("main")
        NetworkPowerPort(target, name=None, model="rest", host=f"{outlet}/{{index}}", index=0)
        kind: Any = CheckedPowerDriver
        power = kind(target, name=None)
        target.activate(power)

        assert power.get() is True
        assert through == []
        target.deactivate(power)


def test_hosts_are_named_beside_those_that_are_named_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("no_proxy", "example.org, .lab")
    monkeypatch.setenv("NO_PROXY", "")

    directly("http://user:x@192.0.2.20:80/x", "192.0.2.21:20408", "pdu-1", "", "http://[")
    directly("pdu-1")

    expected = "example.org,.lab,localhost,127.0.0.1,::1,192.0.2.20,192.0.2.21,pdu-1"
    named = {os.environ[variable] for variable in ("no_proxy", "NO_PROXY")}
    assert [set(one.split(",")) for one in named] == [set(expected.split(","))]


# ---- where the output goes
@pytest.fixture
def history(tmp_path: Path) -> list[str]:
    """Return a command that prints an arrow of each of five nights."""
    for number in range(1, 7):
        path = tmp_path / str(number) / "results.sqlite"
        recorded_night(path, 2, seed=number, slower=4.0 * (number == 6)).close()
    return [sys.executable, "-m", "rig.cli", "gate", "--results", str(tmp_path)]


def test_a_terminal_without_arrows_is_told_all_the_same(history: list[str]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        history, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "virtual: 6 runs" in done.stdout
    assert "\\u2026" in done.stdout
    assert done.stderr == ""


def test_output_that_nobody_reads_has_an_exit_code_of_its_own(history: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            history,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (UNHEARD, b"")
