# SPDX-License-Identifier: MIT
"""Waiting on a console that boots, loops, falls silent or spits noise."""

import contextlib
import re
from typing import Any

import pexpect
from labgrid.util import PtxExpect

from rig.clock import Deadline, SystemClock
from rig.errors import BenchError, BoardError, ConsoleSilentError

SLICE_S = 0.5
DRAIN_LIMIT_S = 5.0
BANNER = r"U-Boot (?:SPL )?\d{4}\.\d{2}"
BOOTS_MAX = 5  # bootlimit 2, the fallback, and two to spare


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


def text(data: object) -> str:
    """Make text of what pexpect gives; noise becomes replacement characters."""
    return data.decode(errors="replace") if isinstance(data, bytes) else ""


class Waiter:
    """Waits for one of several patterns until a deadline, counting boots on the way."""

    def __init__(self, console: Any, deadline: Deadline, *, banner: str = BANNER) -> None:  # noqa: ANN401
        self._console = console
        self._deadline = deadline
        self._banner = banner
        self.boots = 0
        self._seen = ""

    def wait(
        self,
        patterns: list[str],
        wanted: str,
        *,
        poke: str | None = None,
        poke_s: float = SLICE_S,
    ) -> int:
        """Return the index of the pattern that came first.

        `poke` is written whenever none came for `poke_s`.

        Raises:
            ConsoleSilentError: none came before the deadline.
            BoardError: the board boots again and again.
        """
        began_s = self._deadline.clock.now()
        while True:
            found = self._once([*patterns, self._banner], min(poke_s, self._deadline.left_s))
            if found is None:
                if poke is not None:
                    self._console.write(poke.encode())
            elif found < len(patterns):
                return found
            else:
                self._count()
                if poke is not None:
                    self._console.write(poke.encode())
            if self._deadline.passed:
                waited_s = self._deadline.clock.now() - began_s
                raise ConsoleSilentError(wanted, waited_s=waited_s, seen=self._seen)

    def _once(self, patterns: list[str], timeout_s: float) -> int | None:
        try:
            index, before, _, after = self._console.expect(
                [re.compile(pattern.encode()) for pattern in patterns], timeout=timeout_s
            )
        except pexpect.TIMEOUT:
            self._seen = text(self._console._expect.before)[-200:] or self._seen  # noqa: SLF001
            return None
        except (pexpect.EOF, OSError) as error:
            raise BenchError(f"the console's connection is gone: {error}") from error
        self._seen = (text(before) + text(after))[-200:]
        return int(index)

    def _count(self) -> None:
        self.boots += 1
        if self.boots > BOOTS_MAX:
            raise BoardError(
                f"boot loop: the PROM has started {self.boots} times and nothing else came up"
            )
