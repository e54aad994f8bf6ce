# SPDX-License-Identifier: MIT
"""A console has one client, and the log beside it hears the same, each line with its time."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest
from labgrid import Target
from labgrid.driver import ExternalConsoleDriver, SerialDriver
from labgrid.resource import NetworkSerialPort, RawSerialPort
from serial import SerialException

from rig.clock import Deadline, SystemClock
from rig.drivers.console import Waiter, drain
from rig.drivers.console_log import ConsoleLog
from rig.drivers.console_stream import ConsoleStream
from rig.errors import BenchError

LIMIT_S = 20.0


class BusyDriver(SerialDriver):  # type: ignore[misc] # labgrid is untyped
    """One whose port cannot be opened the first `busy` times."""

    busy = 0

    def on_activate(self) -> None:
        if self.busy:
            self.busy -= 1
            raise SerialException("Port already in use")
        super().on_activate()


class RawPort:
    """A serial line as a plain TCP port with room for one client."""

    def __init__(self) -> None:
        self.heard = b""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self.port: int = self._listener.getsockname()[1]
        self.client: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        self._listener.close()
        with client, contextlib.suppress(OSError):
            self.client = client
            while data := client.recv(100):
                self.heard += data

    def say(self, data: bytes) -> None:
        until(lambda: self.client)
        assert self.client
        self.client.sendall(data)

    def end(self) -> None:
        """Hang up, and wait for it."""
        if self.client:
            with contextlib.suppress(OSError):
                self.client.shutdown(socket.SHUT_RDWR)
        self._thread.join(LIMIT_S)


def until(is_so: Callable[[], object]) -> None:
    deadline = Deadline.after(SystemClock(), LIMIT_S)
    while not is_so():
        assert not deadline.passed
        SystemClock().sleep(0.01)


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target("main")
    yield target
    target.cleanup()


@pytest.fixture
def line() -> Iterator[RawPort]:
    line = RawPort()
    yield line
    line.end()


def lines(path: Path) -> list[str]:
    return [line.split(" ", 2)[2] for line in path.read_text().splitlines()]


def test_a_raw_port_has_one_client_that_types_nothing_of_its_own_and_a_log(
    target: Target, line: RawPort, tmp_path: Path
) -> None:
    NetworkSerialPort(target, None, host="127.0.0.1", port=line.port, protocol="raw")
    console = SerialDriver(target, None)
    with ConsoleLog(ConsoleStream(console, "raw")) as log:
        log.to(tmp_path / "console.log")
        line.say(b"U-Boot 2016.05\r\n=> ")
        waiter = Waiter(console, Deadline.after(SystemClock(), LIMIT_S))
        assert waiter.wait(["=> "], "prompt") == 0
        console.sendline("version")
        until(lambda: line.heard)
        line.say(b"version\r\nnobody reads this\r\n")
        until(lambda: len(log.tail()) == 3)

    assert waiter.boots == 1
    assert line.heard == b"version\n"
    assert lines(tmp_path / "console.log") == [
        "U-Boot 2016.05",
        "=> version",
        "nobody reads this",
    ]
    assert log.lost is None


def test_a_local_port_has_a_log_too(target: Target, tmp_path: Path) -> None:
    board, port = os.openpty()
    RawSerialPort(target, None, port=os.ttyname(port))
    console = SerialDriver(target, None)
    with ConsoleLog(ConsoleStream(console, os.ttyname(port))) as log:
        log.to(tmp_path / "console.log")
        os.write(board, b"walnut login: \n" * 200)
        until(lambda: len(log.tail()) == 120)
        until(lambda: len(lines(tmp_path / "console.log")) == 200)
        drain(console)
        console.write(b"root")
        assert os.read(board, 4) == b"root"
        with pytest.raises(pexpect.TIMEOUT):
            console.read(timeout=0.0)
    target.cleanup()
    os.close(board)
    os.close(port)


def test_a_port_that_is_busy_once_is_opened_again(target: Target, line: RawPort) -> None:
    """ser2net lets go of a client that it lost late: github.com/cminyard/ser2net/issues/33, 67."""
    NetworkSerialPort(target, None, host="127.0.0.1", port=line.port, protocol="raw")
    console = BusyDriver(target, None)
    console.busy = 2
    stream = ConsoleStream(console, "raw")
    stream.open()
    assert console.busy == 0
    line.say(b"=> ")
    assert console.read(timeout=LIMIT_S) == b"=> "


# pyserial leaves its thread to die of it, and its socket open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_port_that_stays_busy_is_named_by_its_servers_words(target: Target) -> None:
    def refuse() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                client.sendall(b"Port already in use\r\n")
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse)
        thread.start()
        NetworkSerialPort(target, None, host="127.0.0.1", port=server.getsockname()[1])
        stream = ConsoleStream(SerialDriver(target, None), "127.0.0.1")
        with pytest.raises(BenchError, match=r"opened: its server ends .*, saying 'Port already"):
            stream.open()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(LIMIT_S)


def test_a_port_that_is_gone_is_the_benchs_and_ends_the_log(target: Target, line: RawPort) -> None:
    NetworkSerialPort(target, None, host="127.0.0.1", port=line.port, protocol="raw")
    console = SerialDriver(target, None)
    with ConsoleLog(ConsoleStream(console, "raw")) as log:
        line.say(b"last words\n")
        line.end()
        until(lambda: log.lost)
        waiter = Waiter(console, Deadline.after(SystemClock(), LIMIT_S))
        assert waiter.wait(["last words"], "what came before") == 0
        with pytest.raises(BenchError, match=r"connection is gone.*disconnected"):
            waiter.wait(["more"], "more")

    assert "disconnected" in str(log.lost)


def test_an_external_program_may_be_the_console(target: Target, tmp_path: Path) -> None:
    ExternalConsoleDriver(target, None, cmd="cat")
    console = target.get_driver("ExternalConsoleDriver", activate=False)
    with ConsoleLog(ConsoleStream(console, "cat")) as log:
        log.to(tmp_path / "console.log")
        drain(console)
        console.sendline("what cat says")
        waiter = Waiter(console, Deadline.after(SystemClock(), LIMIT_S))
        assert waiter.wait(["cat says\n"], "an echo") == 0
        until(lambda: log.tail() == ["what cat says"])


def test_a_port_that_is_not_there_is_the_benchs(target: Target, tmp_path: Path) -> None:
    RawSerialPort(target, None, port=str(tmp_path / "ttyUSB0"))
    stream = ConsoleStream(SerialDriver(target, None), "ttyUSB0")
    with pytest.raises(BenchError, match=r"the console \(ttyUSB0\) cannot be opened"):
        stream.open()
