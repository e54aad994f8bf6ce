# SPDX-License-Identifier: MIT
"""Whether a service that is silent to the rig has failed, or the way to it: its board is asked."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from rig.clock import Clock
from rig.errors import BenchError, BoardError, SilentServiceError

log = logging.getLogger(__name__)

PROCESS = "walnutd"
# The board's own question to its service, ten times in three seconds; each has a second, for the
# board may be slow: one of an emulator's that is starved is.
PROBES = (
    "k=0; for i in 1 2 3 4 5 6 7 8 9 10; do walnut-probe -w 1000 >/dev/null || k=1; usleep 300000;"
    " done; [ $k = 0 ]"
)
# When each of its processes started, in ticks; and for how long the board has been up, in seconds.
STARTS = (
    f"for p in /proc/[0-9]*; do read -r c <$p/comm && [ $c = {PROCESS} ] && cut -d' ' -f22 $p/stat;"
    " done 2>/dev/null; cut -d' ' -f1 /proc/uptime"
)
TICKS_HZ = 100  # Linux: USER_HZ
LIVED_SHARE = 0.5  # of a silence: a process that is younger was not there to answer
COUNTERS = "cat /proc/net/dev"
TRIES = 3  # one answer may be broken on the line
ROUTES = "cat /proc/net/route"  # an interface that is up and has an address has one
FETCH = "wget -q -T 5 -O /dev/null {url}"
REQUESTS = 50
ARRIVED = REQUESTS // 2  # of the requests: a path that loses half of them is none
UNDER_WAY_S = 0.5  # until the last request has come and its answer has left
# Interface, octets and packets received, … octets and packets sent (Linux, proc_pid_net(5)).
INTERFACE = re.compile(r"\s*([\w.@-]+):\s*\d+\s+(\d+)(?:\s+\d+){6}\s+\d+\s+(\d+)(?:\s+\d+){6}\s*")
ROUTE = re.compile(r"(?!lo\s)[\w.@-]+\s+[0-9A-F]{8}\s+[0-9A-F]{8}\s.*")


class Service(Protocol):
    """What is needed of the service's client."""

    @property
    def name(self) -> str: ...
    def echo(self) -> object | None: ...
    def shout(self, requests: int) -> None: ...


class Bundles(Protocol):
    """What is needed of the server that the board fetches its bundles from."""

    url: str
    heard: int


@dataclass(frozen=True, slots=True)
class Packets:
    """What went through all of a board's network interfaces but its loopback since it started."""

    received: int
    sent: int

    @classmethod
    def read(cls, lines: list[str]) -> Self | None:
        """Add up the lines of /proc/net/dev; None: not one of them is whole."""
        rows = [row for line in lines if (row := INTERFACE.fullmatch(line)) and row[1] != "lo"]
        if not rows:
            return None
        return cls(sum(int(row[2]) for row in rows), sum(int(row[3]) for row in rows))


class ServicePath:
    """The way from the rig to the service of one board, and back.

    `login` brings the board to its shell and returns that.
    """

    def __init__(
        self, service: Service, bundles: Bundles, login: Callable[[], Any], clock: Clock
    ) -> None:
        self._service = service
        self._bundles = bundles
        self._login = login
        self._clock = clock

    def check(self, silence: SilentServiceError) -> None:
        """Make sure that a silence is the service's own; note with it what the board says.

        Raises:
            BenchError: the service is well, and what it sends or is sent gets lost on the way.
        """
        if silence.asked:
            return
        silence.asked = True
        log.info("%s is silent: its board is asked on the console", self._service.name)
        try:
            silence.note(self._blame_board(self._login(), silence.silent_s))
        except SilentServiceError:
            silence.note("")
        except BoardError as error:
            silence.note(f"nor can the board be asked on its console: {error}")

    def _blame_board(self, shell: Any, silent_s: float) -> str:  # noqa: ANN401 # labgrid
        """Return why the board is to blame.

        Raises:
            BenchError: it is not.
        """
        if missing := self._is_missing(shell, silent_s):
            return missing
        well = f"{self._service.name} is silent to the rig, and answers on the board itself"
        before = self._packets(shell)
        self._service.shout(REQUESTS)
        self._clock.sleep(UNDER_WAY_S)
        after = self._packets(shell)
        received, sent = after.received - before.received, after.sent - before.sent
        if self._service.echo() is not None:
            raise BenchError(f"{well}; by now it answers the rig, too: {_look('was away')}")
        if received >= ARRIVED and sent >= ARRIVED:
            raise BenchError(f"{well}; its answers leave the board: {_look('loses them')}")
        if received >= ARRIVED:
            return (
                "on the board itself it answers, and what the rig sends reaches the board"
                f" ({received} packets) and is not answered"
            )
        return self._blame_nothing_arrives(shell, well)

    def _blame_nothing_arrives(self, shell: Any, well: str) -> str:  # noqa: ANN401
        heard = self._bundles.heard
        shell.run(FETCH.format(url=self._bundles.url))
        if self._bundles.heard > heard:
            raise BenchError(
                f"{well}; the board reaches the rig, and nothing of the rig's reaches the board:"
                f" {_look('loses it')}"
            )
        lines, _, _ = shell.run(ROUTES)
        if not any(ROUTE.fullmatch(line.strip()) for line in lines):
            return "on the board itself it answers; the board has no interface that is up"
        raise BenchError(
            f"{well}; nothing passes between rig and board, either way:"
            f" {_look('lets nothing pass')}; if it is well, at the board's own network"
        )

    def _is_missing(self, shell: Any, silent_s: float) -> str:  # noqa: ANN401
        """Return why the service was not there to answer; empty: it was."""
        age_s = self._age_s(shell)
        if age_s is None:
            return f"{PROCESS} does not run on the board"
        if age_s < LIVED_SHARE * silent_s:
            return f"on the board {PROCESS} has been running for {age_s:.1f} s only"
        if shell.run(PROBES)[2] != 0:
            return "nor does it always answer on the board itself, asked ten times"
        return ""

    def _age_s(self, shell: Any) -> float | None:  # noqa: ANN401
        """Return for how long the service's oldest process has been running."""
        for _ in range(TRIES):
            lines, _, _ = shell.run(STARTS)
            up = [float(line) for line in lines if re.fullmatch(r"\d+\.\d+", line.strip())]
            if up:
                starts = [int(line) for line in lines if line.strip().isdecimal()]
                return up[-1] - min(starts) / TICKS_HZ if starts else None
        raise self._unreadable(STARTS)

    def _packets(self, shell: Any) -> Packets:  # noqa: ANN401
        for _ in range(TRIES):
            lines, _, _ = shell.run(COUNTERS)
            if found := Packets.read(lines):
                return found
        raise self._unreadable(COUNTERS)

    def _unreadable(self, command: str) -> BenchError:
        return BenchError(
            f"{self._service.name} is silent, and what the board answers to {command!r} cannot be"
            " read: look at who else talks on its console, and at its cable"
        )


def _look(does: str) -> str:
    return f"look at what {does}: switch, cable, gate box, and the address in the place file"
