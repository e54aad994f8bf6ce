# SPDX-License-Identifier: MIT
"""Page, rig and board agree on the service's datagrams."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.board.walnut import service
from rig.clock import Deadline, SystemClock
from rig.errors import BoardError

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reference" / "service-protocol.md").read_text()
HEADER = (ROOT / "firmware" / "board" / "walnutd" / "protocol.h").read_text()


def table(title: str) -> dict[str, tuple[int, int]]:
    """Return field -> (offset, size) of the table under `title`."""
    part = PAGE.split(title, 1)[1].split("\n\n", 2)[1]
    rows = re.findall(r"^\| (\d+) \| (\d+) \| ([a-z ]+?) \|", part, re.MULTILINE)
    return {name: (int(offset), int(size)) for offset, size, name in rows}


def define(name: str) -> int:
    found = re.search(rf"#define {name}\s+(\d+)", HEADER)
    assert found, f"protocol.h has no {name}"
    return int(found[1])


def test_the_board_puts_each_field_where_the_page_says() -> None:
    for side, fields in (
        ("REQUEST", table("Request, 32 bytes:")),
        ("ANSWER", table("Answer, 96 bytes:")),
    ):
        offset, size = list(fields.values())[-1]
        assert define(f"{side}_SIZE") == offset + size
        for name, (offset, _) in fields.items():
            if name not in {"magic", "zero"}:
                assert define(f"{side}_OFFSET_{name.upper().replace(' ', '_')}") == offset


def test_the_rig_packs_a_store_as_the_page_says() -> None:
    fields = table("Request, 32 bytes:")
    datagram = service.pack_store(0x0102030405060708, 9, 10)
    for name, value in (("sequence", 0x0102030405060708), ("session", 9), ("value", 10)):
        offset, size = fields[name]
        assert int.from_bytes(datagram[offset : offset + size], "big") == value
    assert datagram[:5] == b"WRQ1\x01"
    assert len(datagram) == define("REQUEST_SIZE")


def answer_bytes() -> bytearray:
    fields = table("Answer, 96 bytes:")
    datagram = bytearray(96)
    datagram[0:4] = b"WRA1"
    for number, name in enumerate(
        ["sequence", "session", "value", "counter", "sessions", "ticks"], 11
    ):
        offset, size = fields[name]
        datagram[offset : offset + size] = number.to_bytes(size, "big")
    offset, _ = fields["release"]
    datagram[offset : offset + 5] = b"1.2.3"
    return datagram


def test_the_rig_reads_an_answer_as_the_page_says() -> None:
    answer = service.unpack(bytes(answer_bytes()))
    numbers = (answer.sequence, answer.session, answer.value, answer.counter, answer.sessions)
    assert numbers == (11, 12, 13, 14, 15)
    assert (answer.ticks, answer.release, answer.boot_id) == (16, "1.2.3", "00" * 16)


@pytest.mark.parametrize("length", [0, 32, 95, 97])
def test_a_datagram_of_another_length_is_no_answer(length: int) -> None:
    with pytest.raises(ValueError, match="96 bytes"):
        service.unpack(bytes(length))


def test_a_release_that_is_not_padded_with_zeros_is_no_answer() -> None:
    datagram = answer_bytes()
    datagram[-9] = 1
    with pytest.raises(ValueError, match="NUL-padded"):
        service.unpack(bytes(datagram))


# ---- what the rig says of a service that is not walnutd
class OtherService:
    """Answers each datagram with what `answer` makes of it."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, whence = self._socket.recvfrom(2048)
                self._socket.sendto(self._answer(data), whence)

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda data: data, "its own question, sent back: an echo service, not walnutd"),
        (lambda _: b"HTTP/1.0 400 Bad Request\r\n", r"begins with b'HTTP/1.0 400 Bad' and is none"),
        (lambda data: data[:0], "an answer has 96 bytes, not 0"),
        (lambda _: bytes(answer_bytes()), "an answer to question 11, which was not asked now"),
    ],
)
def test_a_service_whose_answers_are_none_of_walnutds_is_not_called_silent(
    answer: Callable[[bytes], bytes], said: str
) -> None:
    other = OtherService(answer)
    clock = SystemClock()
    client = service.ServiceClient("127.0.0.1", other.port, clock)

    with pytest.raises(BoardError, match=said):
        client.wait_up(Deadline.after(clock, 0.3))
    with pytest.raises(BoardError, match=said):
        client.store(1, 1, 0.3)
    other.close()


def test_a_service_that_does_not_answer_is_silent() -> None:
    """The partner."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        clock = SystemClock()
        client = service.ServiceClient("127.0.0.1", mute.getsockname()[1], clock)

        with pytest.raises(BoardError, match="last seen: silence"):
            client.wait_up(Deadline.after(clock, 0.3))


def test_a_port_that_nobody_listens_on_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    clock = SystemClock()

    with pytest.raises(BoardError, match=r"last seen: no service there \(Connection refused\)"):
        service.ServiceClient("127.0.0.1", port, clock).wait_up(Deadline.after(clock, 0.3))
