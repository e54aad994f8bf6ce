# SPDX-License-Identifier: MIT
"""The console lines of a board's updater, docs/reference/updater-lines.md, as they come whole.

A console is shared: the kernel talks into a line in any place, and bytes get lost.  A check sum
tells a line that is whole, and the join of two broken ends that is.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote

from rig.board.kernel_messages import PRINTK
from rig.errors import BenchError

MARK = "@WU "
# Without the first two, check sum and number: of earlier releases, which had neither.
LINE = r"@WU (?:([0-9a-f]{8}) (\d{1,9}) )?(\d+\.\d\d) ([a-z-]+) ([a-z-]+)((?: .*)?)"
EVENTS = {
    "boot": {"up", "failed"},
    "download": {"start", "progress", "done", "failed"},
    "staging": {"start", "refused", "progress", "failed", "done"},
    "run": {"start", "commit", "failed", "reboot"},
    "prom": {"start", "refused", "progress", "failed", "done"},
    "acceptance": {"start", "done", "failed", "fallback"},
}
SUM_DIGITS = 8
ENDS_MAX = 5  # console lines that may hold parts of one of the updater's
BROKEN_MAX = 20
JOINS_MAX = 20_000  # of their ends: some 40 ms


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the board's; `seen_at_s` is the rig's clock, `uptime_s` the board's word.

    `late`: it had got lost, and the board was asked again.
    """

    uptime_s: float
    phase: str
    event: str
    keys: dict[str, str]
    seen_at_s: float
    number: int | None = None
    late: bool = False


def check_sum(rest: str) -> str:
    """Return the sum over what follows it and its space."""
    return hashlib.sha256(rest.encode()).hexdigest()[:SUM_DIGITS]


def parse(line: str, seen_at_s: float, *, late: bool = False) -> Event:
    """Read one whole line; what stands before its `@WU` is not part of it.

    Raises:
        BenchError: the board speaks of a phase or event that this rig does not know.
    """
    match = re.fullmatch(LINE, line[max(0, line.find(MARK)) :].rstrip("\r\n"))
    if match is None:
        raise BenchError(f"{line!r} is no line of docs/reference/updater-lines.md")
    _, number, uptime, phase, event, rest = match.groups()
    if event not in EVENTS.get(phase, set()):
        raise BenchError(
            f"the board printed '{phase} {event}', which docs/reference/updater-lines.md does not "
            "have: rig and firmware do not fit each other"
        )
    keys = dict(word.split("=", 1) for word in rest.split() if "=" in word)
    decoded = {key: unquote(value, errors="replace") for key, value in keys.items()}
    return Event(
        uptime_s=float(uptime),
        phase=phase,
        event=event,
        keys=decoded,
        seen_at_s=seen_at_s,
        number=int(number) if number else None,
        late=late,
    )


class LineMender:
    """Takes the lines of a console and gives those of the updater's that are whole, or mended.

    A line without a check sum is one of an earlier release's: it is taken when the rig knows what
    it says, and the kernel's own messages are all that is taken out of it.
    """

    def __init__(self) -> None:
        self._ends: deque[str] = deque(maxlen=ENDS_MAX)
        self._broken: deque[str] = deque(maxlen=BROKEN_MAX)

    @property
    def broken(self) -> list[str]:
        """Return what began as a line of the updater's and never became one."""
        return [*self._broken, *(end for end in self._ends if MARK in end)]

    def take(self, line: str) -> str | None:
        """Take one line of the console's; return the updater's that ends with it, if any."""
        if len(self._ends) == ENDS_MAX and MARK in self._ends[0]:
            self._broken.append(self._ends[0])
        self._ends.append(line.rstrip("\r\n"))
        ends = list(self._ends)
        for start in range(len(ends) - 1, -1, -1):
            if whole := _line_of(ends[start:]):
                self._broken.extend(end for end in ends[:start] if MARK in end)
                self._ends.clear()
                return whole
        return None


def _line_of(ends: list[str]) -> str | None:
    """Return the line that begins somewhere in the first of these and ends with the last."""
    first, rest = ends[0], ends[1:]
    for at in (match.start() for match in re.finditer(MARK[0], first)):
        head = first[at:]
        if not head.startswith(MARK):
            head = head[: len(MARK) - 1]
        for text, is_kernels in islice(_joins(head, rest), JOINS_MAX):
            if text.startswith(MARK) and (whole := _whole(text, needs_sum=not is_kernels)):
                return whole
    return None


def _joins(head: str, rest: list[str]) -> Iterator[tuple[str, bool]]:
    """Give each text that may have been one line; tell if only the kernel's was taken out of it.

    Whoever talks into a line goes on to his own line end, and the line then goes on.
    """
    if not rest:
        yield head, True
        return
    stamps = [match.start() for match in re.finditer(PRINTK, head + "\n")]
    for at in stamps or range(len(head) + 1):
        for tail, is_kernels in _joins(rest[0], rest[1:]):
            yield head[:at] + tail, is_kernels and bool(stamps)


def _whole(text: str, *, needs_sum: bool = False) -> str | None:
    """Return the line, without its end, if it is whole."""
    text = text.rstrip("\r\n")
    if (match := re.fullmatch(LINE, text)) is None:
        return None
    found, _, _, phase, event, _ = match.groups()
    if found is not None:
        return text if found == check_sum(text[len(MARK) + SUM_DIGITS + 1 :]) else None
    is_known = event in EVENTS.get(phase, set()) and not re.search(PRINTK, text + "\n")
    return text if is_known and not needs_sum else None
