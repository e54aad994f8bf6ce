# SPDX-License-Identifier: MIT
"""Behind a serial line or a LAN adapter a new connection is no new conversation.

The answer to a question that was given up comes to the next one, and so on for ever:
github.com/pyvisa/pyvisa-py/issues/376, github.com/pyvisa/pyvisa/issues/535.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from rig.errors import BenchError, InstrumentError
from rig.instruments.visa import VisaLink

ANSWERS = {"*IDN?": "maker,model,0,1.0", "MEAS:VOLT?": "5.001", "MEAS:CURR?": "0.420"}


class Adapter:
    """A LAN adapter with one instrument behind it, whose answers go to whoever is connected."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.resource = f"TCPIP0::127.0.0.1::{self._server.getsockname()[1]}::SOCKET"
        self.asked: list[str] = []
        self.late: set[str] = set()  # what it answers, once each, when it is asked something else
        self.breaks_off = False
        self._owed = ""
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client, client.makefile("r") as lines, contextlib.suppress(OSError):
                for line in lines:
                    client.sendall(self._answer(line.strip()).encode())
                    if self.breaks_off:
                        break

    def _answer(self, command: str) -> str:
        self.asked.append(command)
        self._owed += ANSWERS[command] + ("" if self.breaks_off else "\n")
        if command in self.late:
            self.late.remove(command)
            return ""
        given, self._owed = self._owed, ""
        return given


@pytest.fixture
def adapter() -> Iterator[Adapter]:
    made = Adapter()
    yield made
    made.close()


@pytest.fixture
def link(adapter: Adapter) -> Iterator[VisaLink]:
    made = VisaLink(adapter.resource, name="supply", timeout_s=0.3)
    yield made
    made.close()


def test_an_answer_that_comes_to_the_next_connection_is_nobodys(
    adapter: Adapter, link: VisaLink, caplog: pytest.LogCaptureFixture
) -> None:
    adapter.late = {"MEAS:VOLT?"}
    with pytest.raises(InstrumentError, match="nothing within"):
        link.query("MEAS:VOLT?")

    assert link.query("MEAS:CURR?") == ANSWERS["MEAS:CURR?"]
    assert link.query("MEAS:VOLT?") == ANSWERS["MEAS:VOLT?"]
    assert "answered too late, and nobody heard it: b'5.001" in caplog.text


def test_a_link_that_never_failed_asks_nothing_of_its_own(adapter: Adapter, link: VisaLink) -> None:
    link.query("MEAS:CURR?")
    link.close()
    link.query("MEAS:CURR?")
    assert adapter.asked == ["MEAS:CURR?", "MEAS:CURR?"]


def test_half_an_answer_is_none(adapter: Adapter, link: VisaLink) -> None:
    """`12` of `123`, and the connection is gone: github.com/fossasia/pslab-python/pull/291."""
    adapter.breaks_off = True
    with pytest.raises(InstrumentError, match="a closed connection"):
        link.query("MEAS:CURR?")


def test_an_instrument_whose_one_connection_is_still_taken_is_asked_again() -> None:
    """It refuses further ones for a while: github.com/sinara-hw/Booster/issues/122."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        link = VisaLink(
            f"TCPIP0::127.0.0.1::{port.getsockname()[1]}::SOCKET", name="supply", timeout_s=2.0
        )
        with pytest.raises(BenchError, match=r"cannot be reached .*refused"):
            link.query("*IDN?")

        freed = threading.Timer(0.3, port.listen)

        def answer() -> None:
            freed.join()
            with port.accept()[0] as client, client.makefile("r") as lines:
                next(lines)
                client.sendall(b"here\n")

        instrument = threading.Thread(target=answer)
        freed.start()
        instrument.start()
        assert link.query("*IDN?") == "here"
        instrument.join()
        link.close()
