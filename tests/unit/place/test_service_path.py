# SPDX-License-Identifier: MIT
"""A service that is silent to the rig is the board's failure unless its board says otherwise."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from rig.errors import BenchError, ConsoleSilentError, SilentServiceError
from rig.place.service_path import COUNTERS, PROBES, ROUTES, STARTS, Packets, ServicePath
from tests.unit.helpers.dialogue import StillClock

SILENT_S = 90.0
HEAD = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop"""
ROUTE_HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
LOOPBACK = (
    "    lo: 9876543   99999    0    0    0     0          0         0 9876543   99999    0    0"
)


@dataclass
class Board:
    """A board as its console shows it, and as what the rig sends comes to it."""

    age_s: float | None = 200.0
    answers_itself: bool = True
    takes: bool = True  # what the rig sends
    answers: bool = True  # what it takes
    returns: bool = False  # so that the rig gets it
    reaches_rig: bool = False
    routes: tuple[str, ...] = ("eth0\t0A000200\t00000000\t0001\t0\t0\t0\tFFFFFF00\t0\t0\t0",)
    noise: int = 0  # so many answers are broken
    logins: int = 0
    received: int = 5000
    sent: int = 4000
    name: str = "the service at 127.0.0.1:7"
    url: str = "http://10.0.2.2:8000"
    heard: int = 0
    login_fails: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def login(self) -> "Board":
        self.logins += 1
        if self.login_fails:
            raise self.login_fails
        return self

    def run(self, command: str) -> tuple[list[str], list[str], int]:
        self.asked.append(command)
        if command == PROBES:
            return [], [], 0 if self.answers_itself else 1
        if self.noise:
            self.noise -= 1
            return ["[  5.0] jff"], [], 0
        if command == STARTS:
            up_s = 300.0
            started = [] if self.age_s is None else [str(round((up_s - self.age_s) * 100))]
            return [*started, f"{up_s:.2f}"], [], 0
        if command == COUNTERS:
            row = f"  eth0: 123456 {self.received:7d} 0 0 0 0 0 0 654321 {self.sent:7d} 0 0 0 0 0 0"
            return [*HEAD.splitlines(), LOOPBACK + "    0     0       0          0", row], [], 0
        if command == ROUTES:
            return [ROUTE_HEAD, *self.routes], [], 0
        assert self.url in command
        self.heard += self.reaches_rig
        return [], [], 0 if self.reaches_rig else 1

    def echo(self) -> object | None:
        return object() if self.returns else None

    def shout(self, requests: int) -> None:
        if self.takes:
            self.received += requests
            self.sent += requests if self.answers else 0


def judged(board: Board, silent_s: float = SILENT_S) -> SilentServiceError:
    silence = SilentServiceError("silent", silent_s=silent_s)
    ServicePath(board, board, board.login, StillClock()).check(silence)
    return silence


@pytest.mark.parametrize(
    ("board", "said"),
    [
        (Board, "answers leave the board.*switch, cable, gate box"),
        (lambda: Board(takes=False, reaches_rig=True), "the board reaches the rig"),
        (lambda: Board(takes=False), "either way.*the board's own network"),
        (lambda: Board(returns=True), "by now it answers the rig"),
        (lambda: Board(noise=2), "answers leave the board"),
        (lambda: Board(noise=3), "cannot be read"),
    ],
)
def test_a_service_that_is_well_on_its_board_is_not_blamed(
    board: Callable[[], Board], said: str
) -> None:
    with pytest.raises(BenchError, match=said):
        judged(board())


@pytest.mark.parametrize(
    ("board", "said"),
    [
        (lambda: Board(age_s=None), "walnutd does not run on the board"),
        (lambda: Board(age_s=30.0), "has been running for 30.0 s only"),
        (lambda: Board(answers_itself=False), "nor does it always answer on the board itself"),
        (lambda: Board(answers=False), r"reaches the board \(50 packets\) and is not answered"),
        (lambda: Board(takes=False, routes=()), "the board has no interface that is up"),
        (
            lambda: Board(login_fails=ConsoleSilentError("login:", waited_s=90.0, seen="")),
            "nor can the board be asked on its console: no 'login:'",
        ),
    ],
)
def test_a_service_that_is_not_well_is_the_boards_failure_and_says_so(
    board: Callable[[], Board], said: str
) -> None:
    """Wedged, dead, bound to another address, or come up too late: the way to it is not excused."""
    silence = judged(board())

    assert str(silence).startswith("silent; ")
    with pytest.raises(SilentServiceError, match=said):
        raise silence


def test_a_service_that_was_just_restarted_may_have_been_there_all_the_time() -> None:
    with pytest.raises(BenchError):
        judged(Board(age_s=9.0), silent_s=10.0)


def test_a_board_is_asked_once() -> None:
    board = Board(answers_itself=False)
    silence = SilentServiceError("silent", silent_s=SILENT_S)
    path = ServicePath(board, board, board.login, StillClock())

    path.check(silence)
    path.check(silence)

    assert board.logins == 1
    assert str(silence).count("nor does it") == 1


def test_a_login_that_is_followed_by_silence_adds_nothing() -> None:
    board = Board(login_fails=SilentServiceError("silent, too", silent_s=1.0))

    assert str(judged(board)) == "silent"


def test_packets_of_all_interfaces_but_the_loopback_are_added_up() -> None:
    rows = [
        "    lo: 10 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0",
        "  eth0: 20 2 0 0 0 0 0 0 30 3 0 0 0 0 0 0",
        "eth1.7:20 4 0 0 0 0 0 0 30 5 0 0 0 0 0 0",
        "  eth2: 20 2 0 0 [ 9.1] jffs2: 0 0 0 0",
    ]
    assert Packets.read(rows) == Packets(received=6, sent=8)
    assert Packets.read(rows[:1]) is None
