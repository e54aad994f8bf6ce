# SPDX-License-Identifier: MIT
"""One upgrade or downgrade as RFC 7654 sees it: phases, read off the board's console lines."""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from rig.board.kernel_messages import without_printk
from rig.board.walnut.updater_lines import EVENTS, Event, LineMender, parse
from rig.campaign.retelling import PlaceRetelling, Retelling
from rig.clock import Clock, Deadline
from rig.drivers.console import BANNER, Boots, next_line
from rig.errors import BenchError, BoardError
from rig.place.place import Place

__all__ = ["EVENTS", "EndedOn", "Event", "Follower", "UpgradeRecord", "parse", "start"]

REFUSALS = frozenset(
    {"format", "manifest", "board", "arch", "size", "hash", "kernel-mismatch", "state", "busy"}
)
# `walnut-update-prom`'s
PROM_REFUSALS = (REFUSALS - {"kernel-mismatch", "state"}) | {"fallback"}
# What an updater says first
FIRST = {("download", "start"), ("staging", "refused"), ("prom", "refused")}
UPDATERS = {"download", "staging", "run", "prom"}  # phases that nobody else speaks of
SLICE_S = 0.2
SILENT_S = 20.0  # without a line: a prompt may have got lost with it
RETELLINGS_MAX = 3


class EndedOn(enum.StrEnum):
    """What ends a run of the board's updater, or of a boot that is followed."""

    done = "done"
    refused = "refused"
    failed = "failed"
    fallback = "fallback"
    cut = "cut"
    up = "up"
    stored = "stored"  # no update: the service has kept its state

    def __repr__(self) -> str:
        return repr(self.value)  # as messages show it


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRecord:
    """What the board said.  Durations in seconds, on the rig's clock; None: not reached, or lost.

    One board has no standby: T1 is staging, T2 from commit to the service's return, T3 from there
    to confirmation (RFC 7654 section 5).
    """

    url: str
    events: tuple[Event, ...]
    ended_on: EndedOn
    refused: str | None
    t1_s: float | None
    t2_s: float | None
    t3_s: float | None
    boots: int

    @property
    def t4_s(self) -> float | None:
        parts = (self.t1_s, self.t2_s, self.t3_s)
        return None if None in parts else sum(part for part in parts if part is not None)


class Follower:
    """Reads events off a console until something ends the upgrade.

    With `from_start`, lines before the updater's first are somebody else's and passed over.
    `on_boot` hears of each start of the PROM.  `retelling` has the board say again what got lost:
    once it is at a prompt, it has nothing more to say by itself.
    """

    def __init__(
        self,
        console: Any,  # noqa: ANN401 # labgrid is untyped
        clock: Clock,
        on_event: Callable[[Event], None],
        *,
        from_start: bool = False,
        on_boot: Callable[[], object] | None = None,
        retelling: Retelling | None = None,
    ) -> None:
        self._console = console
        self._clock = clock
        self._on_event = on_event
        self._on_boot = on_boot or (lambda: None)
        self._started = not from_start
        self._retelling = retelling
        self._retold = 0
        self._nudged = False
        self._mender = LineMender()
        self._boots = Boots()
        self._numbers: set[int] = set()  # of this boot's lines
        self._first = 1  # number of the first line of this boot that is ours
        self._uptime_s = 0.0  # of its last line
        self._heard_s = clock.now()
        self.events: list[Event] = []

    @classmethod
    def of(
        cls,
        place: Place,
        on_event: Callable[[Event], None],
        *,
        from_start: bool = False,
        on_boot: Callable[[], object] | None = None,
    ) -> Self:
        """Follow the board of a place."""
        return cls(
            place.console,
            place.clock,
            on_event,
            from_start=from_start,
            on_boot=on_boot,
            retelling=PlaceRetelling(place),
        )

    @property
    def boots(self) -> int:
        return self._boots.count

    def follow(self, deadline: Deadline, is_cut: Callable[[], bool]) -> EndedOn:
        """Return what ended it.

        Raises:
            BoardError: nothing of it came before the deadline, or the board never said it.
            BenchError: what it said got lost on the line, and it does not say it again.
        """
        self._heard_s = self._clock.now()
        while not deadline.passed:
            line, shown = next_line(self._console, min(SLICE_S, deadline.left_s))
            if line is not None and (end := self._take(line)):
                return end
            if line is None and is_cut():
                return EndedOn.cut
            if self._retelling and (end := self._ask(self._retelling, shown, is_cut)):
                return end
        if is_cut():
            return EndedOn.cut
        last = self.events[-1] if self.events else None
        said = f"{last.phase} {last.event}" if last else "nothing"
        raise BoardError(
            f"the upgrade did not end in time; the board's last word was: {said}{self._unread()}"
        )

    def _unread(self) -> str:
        broken = self._mender.broken
        if not broken:
            return ""
        return (
            f"; {len(broken)} of its lines could not be read, the last {broken[-1]!r}: broken on"
            " the line, or of another release"
        )

    def _take(self, line: str) -> EndedOn | None:
        """Take one line of the console's; return what it ends, if anything."""
        for banner in re.finditer(BANNER, line):
            self._start(banner[0])
        whole = self._mender.take(line)
        return self._note(parse(whole, self._clock.now())) if whole else None

    def _start(self, banner: str) -> None:
        if self._boots.see(banner):
            self._forget_boot()

    def _forget_boot(self) -> None:
        self._numbers.clear()
        self._first, self._uptime_s = 1, 0.0
        self._on_boot()

    def _note(self, event: Event) -> EndedOn | None:
        """Note one event; return what it ends, if anything."""
        self._heard_s = self._clock.now()
        said = (event.phase, event.event)
        # With its first line broken, another one of the updater's tells as well that it runs.
        if said in FIRST or (self._mender.broken and event.phase in UPDATERS):
            self._started = True
        if not self._started or not self._is_new(event):
            return None
        self.events.append(event)
        self._on_event(event)
        return self._ending(event)

    def _is_new(self, event: Event) -> bool:
        """Tell by its number whether a line comes for the first time in this boot."""
        if event.number is None:
            return True
        if event.uptime_s < self._uptime_s and not event.late:  # the PROM's banner got lost
            self._boots.miss()
            self._forget_boot()
        if event.number in self._numbers:
            return False
        if not self._numbers and not self.boots:
            self._first = event.number
        self._uptime_s = max(self._uptime_s, event.uptime_s)
        self._numbers.add(event.number)
        return True

    def _ending(self, event: Event) -> EndedOn | None:
        match (event.phase, event.event):
            case ("acceptance" | "prom", "done"):
                return EndedOn.done
            case ("staging" | "prom", "refused"):
                return EndedOn.refused
            case ("download" | "staging" | "run" | "boot" | "prom", "failed"):
                return EndedOn.failed
            case ("boot", "up") if event.keys.get("pending") == "0":
                if self._retelling and not self._retold and self._is_missing(event):
                    return None  # a fallback may have been said; it is asked for at the prompt
                fell_back = any(past.event == "fallback" for past in self.events)
                return EndedOn.fallback if fell_back else EndedOn.up
        return None

    def _is_missing(self, event: Event) -> bool:
        """Tell whether a line of this boot's, before `event`, has not come."""
        numbers = range(self._first, event.number or 0)
        return any(number not in self._numbers for number in numbers)

    def _ask(self, retelling: Retelling, shown: str, is_cut: Callable[[], bool]) -> EndedOn | None:
        """Ask the board for its lines again when it is at a prompt and its last one never came."""
        if self._clock.now() - self._heard_s >= SILENT_S:
            self._heard_s = self._clock.now()
            self._nudged = True
            retelling.nudge()
        has_run = self.boots or self.events or self._mender.broken
        if not has_run or not retelling.is_prompt(without_printk(shown)):
            return None
        try:
            lines = retelling.lines()
        except BoardError:
            if is_cut():
                return EndedOn.cut
            raise
        self._retold += 1
        return self._retell(lines)

    def _retell(self, lines: list[str]) -> EndedOn | None:
        mender = LineMender()
        kept: list[int] = []
        for line in lines:
            if whole := mender.take(line):
                event = parse(whole, self._clock.now(), late=True)
                self._note(event)
                kept += [] if event.number is None else [event.number]
        ends = [end for event in self.events if (end := self._ending(event))]
        if ends or self._retold < RETELLINGS_MAX:
            return ends[-1] if ends else None
        if self.boots:
            return EndedOn.up  # it is: it has let the rig in, which it does once a boot is judged
        if kept and kept == list(range(self._first, max(self._numbers) + 1)):
            last = self.events[-1]
            raise BoardError(
                "the board's updater ended without a word of how; its last one, also of those that"
                f" the board has kept, was: {last.phase} {last.event}"
            )
        raise BenchError(
            "how the update ended got lost on the console, and the board does not say it again"
            f"{self._unread()}"
        )

    def record(self, url: str, ended_on: EndedOn) -> UpgradeRecord:
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
        times = {
            (event.phase, event.event): event.seen_at_s for event in self.events if not event.late
        }
        return times[end] - times[start] if start in times and end in times else None


def start(console: Any, url: str, command: str = "walnut-update") -> None:  # noqa: ANN401
    """Type the command; the URL may hold nothing that a shell would read otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9:/._-]+", url):
        raise BenchError(f"the bundle server's URL {url!r} holds characters a shell would take")
    console.sendline(f"{command} {url}")
