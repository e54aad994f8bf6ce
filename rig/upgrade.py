# SPDX-License-Identifier: MIT
"""One upgrade or downgrade as RFC 7654 sees it: phases, read off the board's console lines."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from rig.clock import Clock, Deadline
from rig.drivers.console import BANNER, Boots, Waiter, text
from rig.errors import BenchError, BoardError

LINE = r"@WU (\d+\.\d\d) ([a-z-]+) ([a-z-]+)([^\r\n]*)\r?\n"
EVENTS = {
    "boot": {"up", "failed"},
    "download": {"start", "progress", "done", "failed"},
    "staging": {"start", "refused", "progress", "failed", "done"},
    "run": {"start", "commit", "failed", "reboot"},
    "prom": {"start", "refused", "progress", "failed", "done"},
    "acceptance": {"start", "done", "failed", "fallback"},
}
REFUSALS = frozenset(
    {"format", "manifest", "board", "arch", "size", "hash", "kernel-mismatch", "state", "busy"}
)
# `walnut-update-prom`'s
PROM_REFUSALS = (REFUSALS - {"kernel-mismatch", "state"}) | {"fallback"}
# What an updater says first
FIRST = {("download", "start"), ("staging", "refused"), ("prom", "refused")}
SLICE_S = 0.2


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the board's; `seen_at_s` is the rig's clock, `uptime_s` the board's word."""

    uptime_s: float
    phase: str
    event: str
    keys: dict[str, str]
    seen_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRecord:
    """What the board said.  Durations in seconds, on the rig's clock; None: not reached.

    One board has no standby: T1 is staging, T2 from commit to the service's return, T3 from there
    to confirmation (RFC 7654 section 5).
    """

    url: str
    events: tuple[Event, ...]
    ended_on: str
    refused: str | None
    t1_s: float | None
    t2_s: float | None
    t3_s: float | None
    boots: int

    @property
    def t4_s(self) -> float | None:
        parts = (self.t1_s, self.t2_s, self.t3_s)
        return None if None in parts else sum(part for part in parts if part is not None)


def parse(line: str, seen_at_s: float) -> Event:
    """Read one line; what stands before its `@WU` is not part of it.

    Raises:
        BenchError: the board speaks of a phase or event that this rig does not know.
    """
    match = re.search(LINE, line + "\n")
    if match is None:
        raise BenchError(f"{line!r} is no line of docs/reference/updater-lines.md")
    uptime, phase, event, rest = match.groups()
    if event not in EVENTS.get(phase, set()):
        raise BenchError(
            f"the board printed '{phase} {event}', which docs/reference/updater-lines.md does not "
            "have: rig and firmware do not fit each other"
        )
    keys = dict(word.split("=", 1) for word in rest.split() if "=" in word)
    decoded = {key: unquote(value, errors="replace") for key, value in keys.items()}
    return Event(float(uptime), phase, event, decoded, seen_at_s)


class Follower:
    """Reads events off a console until something ends the upgrade.

    With `from_start`, lines before the updater's first are somebody else's and passed over.
    `on_boot` hears of each start of the PROM.
    """

    def __init__(
        self,
        console: Any,  # noqa: ANN401 # labgrid is untyped
        clock: Clock,
        on_event: Callable[[Event], None],
        *,
        from_start: bool = False,
        on_boot: Callable[[], object] | None = None,
    ) -> None:
        self._console = console
        self._clock = clock
        self._on_event = on_event
        self._on_boot = on_boot or (lambda: None)
        self._started = not from_start
        self.events: list[Event] = []
        self._boots = Boots()

    @property
    def boots(self) -> int:
        return self._boots.count

    def follow(self, deadline: Deadline, is_cut: Callable[[], bool]) -> str:
        """Return what ended it: `done`, `refused`, `failed`, `fallback`, `cut` or `up`.

        Raises:
            BoardError: nothing of it came before the deadline.
        """
        while not deadline.passed:
            slice_ = Deadline.after(self._clock, min(SLICE_S, deadline.left_s))
            found = Waiter(self._console, slice_)._once([LINE, BANNER], slice_.left_s)  # noqa: SLF001
            if found == 1:
                if self._boots.see(text(self._console._expect.after)):  # noqa: SLF001
                    self._on_boot()
            elif found == 0:
                line = text(self._console._expect.after)  # noqa: SLF001 # labgrid has no other way
                event = parse(line, self._clock.now())
                self._started = self._started or (event.phase, event.event) in FIRST
                if not self._started:
                    continue
                self.events.append(event)
                self._on_event(event)
                if end := self._ending(event):
                    return end
            elif is_cut():
                return "cut"
        if is_cut():
            return "cut"
        last = self.events[-1] if self.events else None
        said = f"{last.phase} {last.event}" if last else "nothing"
        raise BoardError(f"the upgrade did not end in time; the board's last word was: {said}")

    def _ending(self, event: Event) -> str | None:
        match (event.phase, event.event):
            case ("acceptance" | "prom", "done"):
                return "done"
            case ("staging" | "prom", "refused"):
                return "refused"
            case ("download" | "staging" | "run" | "boot" | "prom", "failed"):
                return "failed"
            case ("boot", "up") if event.keys.get("pending") == "0":
                fell_back = any(past.event == "fallback" for past in self.events)
                return "fallback" if fell_back else "up"
        return None

    def record(self, url: str, ended_on: str) -> UpgradeRecord:
        """Sum up."""
        refusals = [event.keys.get("reason") for event in self.events if event.event == "refused"]
        return UpgradeRecord(
            url=url,
            events=tuple(self.events),
            ended_on=ended_on,
            refused=refusals[-1] if refusals else None,
            t1_s=self._between(("staging", "start"), ("staging", "done")),
            t2_s=self._between(("run", "start"), ("boot", "up")),
            t3_s=self._between(("boot", "up"), ("acceptance", "done")),
            boots=self.boots,
        )

    def _between(self, start: tuple[str, str], end: tuple[str, str]) -> float | None:
        times = {(event.phase, event.event): event.seen_at_s for event in self.events}
        return times[end] - times[start] if start in times and end in times else None


def start(console: Any, url: str, command: str = "walnut-update") -> None:  # noqa: ANN401
    """Type the command; the URL may hold nothing that a shell would read otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9:/._-]+", url):
        raise BenchError(f"the bundle server's URL {url!r} holds characters a shell would take")
    console.sendline(f"{command} {url}")
