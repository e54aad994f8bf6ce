# SPDX-License-Identifier: MIT
"""The interrupter says when it really had both paths closed, and the rig believes nothing else."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import numpy as np
import pytest

from rig.clock import Deadline, SystemClock
from rig.errors import InstrumentError, UsageError
from rig.instruments import make
from rig.instruments.interrupter import Interrupter
from rig.virtual.instruments import interrupter_process
from rig.virtual.instruments.counter import Counter
from rig.virtual.instruments.interrupter import ALIVE_S, LEAD_S, VirtualInterrupter
from rig.virtual.instruments.interrupter_process import Block
from tests.unit.helpers.dialogue import OK, Dialogue, StillClock
from tests.unit.helpers.served import Served

CLOCK = SystemClock()
IDN = ("*IDN?", "Walnut,GATE,1,1.0")
ALIVE = ("*ESR?", "+0")


def armed(*then: str | tuple[str, str]) -> tuple[Interrupter, Dialogue]:
    """Return an interrupter that was told to close for half a second, and its conversation."""
    link = Dialogue(ALIVE, "BLOC:STAR 0.500000000", OK, ("BLOC:COUN?", "+3"), *then)
    box = Interrupter(link, StillClock())
    box.arm(0.5)
    box.interrupt()
    return box, link


def test_the_length_is_what_the_box_says_it_was() -> None:
    box, link = armed(
        ("BLOC:STAT?", "1"),
        ("BLOC:STAT?", "0"),
        ALIVE,
        ("BLOC:RES? TRAF", "3,7.1,7.6002,0.0001"),
        IDN,
    )
    assert not box.ended()
    assert box.ended()
    truth = box.truth("traffic")
    assert truth.value == pytest.approx(0.5002)
    assert truth.uncertainty == pytest.approx(0.0001 + 0.5002e-6)
    link.over()


@pytest.mark.parametrize(
    "answer", ["2,7.1,7.6,0.0001", "3,7.6,7.1,0.0001", "3,7.1,7.6,-1", "3,7.1", "nonsense"]
)
def test_another_interruption_or_nonsense_is_no_truth(answer: str) -> None:
    box, _ = armed(ALIVE, ("BLOC:RES? HEAR", answer))
    with pytest.raises(InstrumentError):
        box.truth("counter")


def test_a_box_that_restarted_knows_nothing_of_what_it_was_told() -> None:
    box, _ = armed(("*ESR?", "+128"))
    with pytest.raises(InstrumentError, match="restarted"):
        box.truth("counter")


@pytest.mark.parametrize("length_s", [1e-4, 1000.0])
def test_a_length_that_it_cannot_make_is_refused(length_s: float) -> None:
    with pytest.raises(UsageError, match="outside"):
        Interrupter(Dialogue(), StillClock()).arm(length_s)


def test_an_interrupter_that_was_late_says_so() -> None:
    """A datagram before left 3 ms late, one after 1 ms: so late both ends were."""
    block = Block(10.0, 10.5)
    block.passed(9.999, 10.002)
    assert not block.passes(10.0)
    assert not block.passes(10.4999)
    assert block.passes(10.5)
    assert not block.over(10.52)
    block.passed(10.5005, 10.5015)
    block.passed(10.6, 10.7)  # not beside the block any more
    report = block.report()
    assert report["from"] == pytest.approx(10.003)
    assert report["to"] == pytest.approx(10.501)
    assert report["doubt"] == pytest.approx(0.003)
    assert block.over(10.52)


def test_an_interrupter_that_was_later_than_its_block_was_long_has_interrupted_nothing() -> None:
    """Else it says that it opened before it closed, and a verification ends on that."""
    block = Block(10.0, 10.001)
    block.passed(9.9999, 10.003)
    block.passed(10.0012, 10.0022)

    report = block.report()

    assert report["to"] - report["from"] == 0
    assert report["doubt"] == pytest.approx(0.0031)


class Beating:
    """A heartbeat line of a millisecond's period through an interrupter into a counter."""

    def __init__(self) -> None:
        self.counter = Counter()
        self.interrupter = VirtualInterrupter(self.counter.pulses, lambda _: None)
        self.interrupter.emit = lambda: self.interrupter.own_pulse(time.monotonic())
        self.beats = True
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5.0)

    def _beat(self) -> None:
        while not self._over.wait(1e-3):
            if self.beats:
                self.interrupter.pulses(b"\xff", time.monotonic())


def ended(box: Interrupter) -> None:
    deadline = Deadline.after(CLOCK, 5.0)
    while not box.ended():
        assert not deadline.passed
        CLOCK.sleep(0.01)


def test_a_counter_sees_the_silence_that_the_interrupter_reports() -> None:
    with Beating() as line, Served(line.interrupter) as source, Served(line.counter) as sink:
        box = make("walnut_interrupter", source.link, CLOCK)
        counter = make("keysight_53230a", sink.link, CLOCK)
        box.prepare()
        counter.start()
        CLOCK.sleep(0.1)
        box.arm(0.2)
        box.interrupt()
        ended(box)
        CLOCK.sleep(0.1)
        stamps = counter.drain()
        truth = box.truth("counter")

    assert truth.value >= 0.2
    silences = np.diff(stamps)
    at = int(np.argmax(silences))
    # The last pulse came up to a period before the closing; the first one after at once.
    assert truth.value - 1e-4 <= silences[at] <= truth.value + 0.05
    assert np.count_nonzero(silences > 0.15) == 1


def test_a_line_without_a_heartbeat_is_given_none() -> None:
    with Beating() as line, Served(line.interrupter) as source:
        passed: list[float] = []
        line.interrupter._pulses = lambda _, now_s: passed.append(now_s)
        box = make("walnut_interrupter", source.link, CLOCK)
        box.prepare()
        line.beats = False
        CLOCK.sleep(2 * ALIVE_S)
        passed.clear()
        box.arm(0.05)
        box.interrupt()
        ended(box)
    assert not passed


def test_an_abort_opens_at_once_and_is_the_truth() -> None:
    with Beating() as line, Served(line.interrupter) as source:
        box = make("walnut_interrupter", source.link, CLOCK)
        box.prepare()
        box.arm(20.0)
        box.interrupt()
        CLOCK.sleep(LEAD_S + 0.05)
        box.stop()
        ended(box)
        assert box.truth("counter").value < 2.0


def test_two_interruptions_at_once_are_refused() -> None:
    with Beating() as line, Served(line.interrupter) as source:
        box = make("walnut_interrupter", source.link, CLOCK)
        box.prepare()
        box.arm(0.3)
        box.interrupt()
        with pytest.raises(InstrumentError, match="running"):
            box.interrupt()
        box.stop()


class Path:
    """The interrupter's traffic process before a board that echoes."""

    def __init__(self, outside: int, board: socket.socket) -> None:
        inside = board.getsockname()[1]
        words = [
            sys.executable,
            "-m",
            interrupter_process.__name__,
            "127.0.0.1",
            str(outside),
            str(inside),
        ]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect(("127.0.0.1", outside))
        self.client.settimeout(0.05)

    def order(self, **words: float) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(words).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self) -> float | None:
        """Return how long an answer took; None when there was none."""
        began_s = time.monotonic()
        try:
            self.client.send(b"ping")
            self.client.recv(64)
        except OSError:
            return None
        return time.monotonic() - began_s

    def until(self, wanted: Callable[[float | None], bool]) -> float | None:
        """Ask until an answer is as `wanted`: an order is obeyed when the process next runs."""
        deadline = Deadline.after(CLOCK, 10.0)
        while not wanted(took_s := self.ask()):
            assert not deadline.passed, "the process does not obey"
        return took_s


@pytest.fixture
def path() -> Iterator[Path]:
    board = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    board.bind(("127.0.0.1", 0))
    over = threading.Event()

    def echo() -> None:
        board.settimeout(0.1)
        while not over.is_set():
            try:
                data, address = board.recvfrom(64)
            except TimeoutError:
                continue
            board.sendto(data, address)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        outside = free.getsockname()[1]
    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    found = Path(outside, board)
    deadline = Deadline.after(CLOCK, 10.0)
    while found.ask() is None:
        assert not deadline.passed, "the process does not pass datagrams"
    yield found
    over.set()
    thread.join(5.0)
    board.close()
    found.client.close()
    assert found.process.stdin
    assert found.process.stdout
    found.process.stdin.close()
    found.process.wait(5.0)
    found.process.stdout.close()


def test_a_block_drops_what_comes_meanwhile_and_reports_its_times(path: Path) -> None:
    from_s = time.monotonic() + 0.05
    path.order(block=from_s, until=from_s + 0.3)
    CLOCK.sleep(0.1)
    assert path.ask() is None
    CLOCK.sleep(max(0.0, from_s + 0.31 - time.monotonic()))
    assert path.ask() is not None
    assert path.process.stdout
    report = json.loads(path.process.stdout.readline())

    assert report["dropped"] == 1
    assert report["from"] >= from_s
    assert report["to"] >= from_s + 0.3
    assert report["to"] - report["from"] == pytest.approx(0.3, abs=0.05)
    assert 0 < report["doubt"] < 0.05


def test_a_delay_is_a_delay_and_ends(path: Path) -> None:
    path.order(delay=0.02)
    path.until(lambda took_s: took_s is not None and took_s >= 0.02)
    path.order(delay=0.0)
    path.until(lambda took_s: took_s is not None and took_s < 0.02)


def test_what_comes_for_a_board_whose_link_is_down_is_lost_and_not_kept(path: Path) -> None:
    path.order(link=0)
    path.until(lambda took_s: took_s is None)
    path.order(link=1)
    CLOCK.sleep(0.05)
    path.client.setblocking(False)
    with pytest.raises(BlockingIOError):
        path.client.recv(64)
    path.client.settimeout(0.5)
    assert path.ask() is not None
