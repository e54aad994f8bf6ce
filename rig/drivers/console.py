# SPDX-License-Identifier: MIT
"""Waiting on a console that boots, loops, falls silent, is talked over or spits noise."""

import contextlib
import re
from collections.abc import Callable
from typing import Any

import pexpect
from labgrid.util import PtxExpect

from rig.board.kernel_messages import without_printk
from rig.clock import Deadline, SystemClock
from rig.errors import BenchError, BoardError, ConsoleSilentError

SLICE_S = 0.5
DRAIN_LIMIT_S = 5.0
BANNER = r"U-Boot (?:(?P<stage>[TVS]PL) )?\d+\.\d+"
STAGES = ("TPL", "VPL", "SPL", None)  # of one U-Boot, in the order in which they start each other
BOOTS_MAX = 5  # bootlimit 2, the fallback, and two to spare
UNREAD_MAX = 1 << 16  # bytes: a line that never ends, as noise on a floating RX line
KEPT = 1 << 12  # of them: a pattern may have begun there


def fresh(console: Any) -> None:  # noqa: ANN401 # labgrid is untyped
    """Forget what was read before: labgrid keeps one buffer for all drivers of a console."""
    console._expect = PtxExpect(console)  # noqa: SLF001 # labgrid offers no other way


def drain(console: Any, quiet_s: float = 0.3) -> None:  # noqa: ANN401 # labgrid is untyped
    """Forget all that an off board said: an old prompt must not pass for the next boot's.

    Reads until nothing came for `quiet_s`; a line that is never quiet is given up.
    """
    give_up_s = SystemClock().now() + DRAIN_LIMIT_S
    with contextlib.suppress(pexpect.TIMEOUT):
        while SystemClock().now() < give_up_s:
            console.read(timeout=quiet_s)
    fresh(console)


def trim(console: Any) -> None:  # noqa: ANN401 # labgrid is untyped
    """Forget all but the end of what nobody has matched, when it has become long."""
    unread = console._expect.before  # noqa: SLF001 # labgrid offers no other way
    if isinstance(unread, bytes) and len(unread) > UNREAD_MAX:
        fresh(console)
        console._expect.buffer = unread[-KEPT:]  # noqa: SLF001
        console._expect._before.write(unread[-KEPT:])  # noqa: SLF001 # pexpect keeps it twice


def text(data: object) -> str:
    """Make text of what pexpect gives; noise becomes replacement characters."""
    return data.decode(errors="replace") if isinstance(data, bytes) else ""


def next_line(console: Any, timeout_s: float) -> tuple[str | None, str]:  # noqa: ANN401
    """Return the next whole line, None when none ends in time; and what came without a line end.

    That may be a prompt, which the kernel may have ended with a line of its own.

    Raises:
        BenchError: the console's connection is gone.
    """
    try:
        _, before, _, after = console.expect([re.compile(rb"\n")], timeout=timeout_s)
    except pexpect.TIMEOUT:
        shown = text(console._expect.before)  # noqa: SLF001 # labgrid has no other way
        trim(console)
        return None, shown
    except (pexpect.EOF, OSError) as error:
        raise BenchError(f"the console's connection is gone: {error}") from error
    line = text(before) + text(after)
    shown = without_printk(line)
    return line, "" if shown == line else shown


class Boots:
    """Counts boots by the PROM's banners: SPL and U-Boot proper print one each, at one power-on."""

    def __init__(self) -> None:
        self.count = 0
        self._stage = len(STAGES)

    def see(self, banner: str) -> bool:
        """Note one banner; tell whether a boot begins with it.

        Raises:
            BoardError: the board boots again and again.
        """
        match = re.search(BANNER, banner)
        return self._begin(STAGES.index(match["stage"] if match else None))

    def miss(self) -> None:
        """Note a boot whose banner got lost."""
        self._stage = len(STAGES)
        self._begin(len(STAGES) - 1)

    def _begin(self, stage: int) -> bool:
        begins = stage <= self._stage
        self._stage = stage
        if begins:
            self.count += 1
        if self.count > BOOTS_MAX:
            raise BoardError(
                f"boot loop: the PROM has started {self.count} times and nothing else came up"
            )
        return begins


class Waiter:
    """Waits for one of several patterns until a deadline, counting boots on the way.

    For the answer to a command, `is_answer`: nothing in it is a boot or talk of the kernel's, and
    none of it is forgotten.  `meanwhile` is called now and then while nothing comes.
    """

    def __init__(
        self,
        console: Any,  # noqa: ANN401 # labgrid is untyped
        deadline: Deadline,
        *,
        is_answer: bool = False,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        self._console = console
        self._deadline = deadline
        self._is_answer = is_answer
        self._meanwhile = meanwhile
        self._boots = Boots()
        self._seen = ""
        self._match: re.Match[bytes] | None = None

    @property
    def boots(self) -> int:
        return self._boots.count

    def groups(self) -> list[str]:
        """Return what the groups of the pattern that came have caught."""
        return [text(group) for group in self._match.groups()] if self._match else []

    def wait(
        self,
        patterns: list[str],
        wanted: str,
        *,
        poke: str | None = None,
        poke_s: float = SLICE_S,
        booting_poke_s: float | None = None,
    ) -> int:
        """Return the index of the pattern that came first.

        `poke` is written whenever none came for `poke_s`; after a boot has begun, for
        `booting_poke_s`.

        Raises:
            ConsoleSilentError: none came before the deadline.
            BoardError: the board boots again and again.
        """
        clock = self._deadline.clock
        began_s = poked_s = clock.now()
        while True:
            due_s = max(0.0, poked_s + poke_s - clock.now()) if poke is not None else SLICE_S
            found = self._once(patterns, min(SLICE_S, due_s, self._deadline.left_s))
            if found is not None and found < len(patterns):
                return found
            if found is not None:
                self._boots.see(text(self._console._expect.after))  # noqa: SLF001
                poke_s = poke_s if booting_poke_s is None else booting_poke_s
                poked_s = clock.now()
            elif poke is not None and clock.now() >= poked_s + poke_s:
                self._console.write(poke.encode())
                poked_s = clock.now()
            if self._deadline.passed:
                waited_s = clock.now() - began_s
                raise ConsoleSilentError(wanted, waited_s=waited_s, seen=self._seen)

    def look(self, patterns: list[str], limit_s: float) -> int | None:
        """Return the index of the pattern that came first; None when none did for `limit_s`.

        Raises:
            BoardError: the board boots again and again.
        """
        limit = Deadline.after(self._deadline.clock, min(limit_s, self._deadline.left_s))
        while not limit.passed:
            found = self._once(patterns, min(SLICE_S, limit.left_s))
            if found is not None and found < len(patterns):
                return found
            if found is not None:
                self._boots.see(text(self._console._expect.after))  # noqa: SLF001
        return None

    def _once(self, patterns: list[str], timeout_s: float) -> int | None:
        """Look for `patterns`, and for a banner as one more."""
        wanted = patterns if self._is_answer else [*patterns, BANNER]
        try:
            index, before, match, after = self._console.expect(
                [re.compile(pattern.encode()) for pattern in wanted], timeout=timeout_s
            )
        except pexpect.TIMEOUT:
            if self._meanwhile:
                self._meanwhile()
            unread = text(self._console._expect.before)  # noqa: SLF001 # labgrid has no other way
            self._seen = unread[-200:] or self._seen
            return None if self._is_answer else self._talked_over(patterns, unread)
        except (pexpect.EOF, OSError) as error:
            raise BenchError(f"the console's connection is gone: {error}") from error
        self._seen = (text(before) + text(after))[-200:]
        self._match = match
        return int(index)

    def _talked_over(self, patterns: list[str], unread: str) -> int | None:
        """Look for a pattern that the kernel has talked into."""
        said = without_printk(unread)
        if said != unread:
            for index, pattern in enumerate(patterns):
                if match := re.search(pattern.encode(), said.encode()):
                    fresh(self._console)
                    self._match = match
                    return index
        trim(self._console)
        return None
