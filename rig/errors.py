# SPDX-License-Identifier: MIT
"""Every exception the rig raises, grouped by who must act, and the exit codes that say so.

* RigError
  * UsageError        fix the call: place file, bundle, command line or test
  * BenchError        fix the bench: an instrument, a cable or the lab network failed
    * InstrumentError
    * BoardOnError
    * TakenError
  * BoardError        look at the board: it did not do what it was told
    * ConsoleSilentError
    * SilentServiceError
    * CommandFailedError

A broken requirement is none of these: it is a failed ``assert``.  Allure then shows a
product fault as *failed*, and a rig fault as *broken*.
"""

import os

from rig.secrecy import hide

# What a command ends on, docs/reference/cli.md: each of the first says who must act.
GOOD, PRODUCT, USAGE, BENCH, OURS, INTERRUPTED = 0, 1, 2, 3, 4, 130
UNHEARD = 141  # as shells say of SIGPIPE: who read the output has gone
UNRECORDED = os.EX_IOERR  # of pytest: the run's records could not be written


class RigError(Exception):
    """Base of all errors raised by the rig.  None of them says a password."""

    who = "the rig's developers"
    exit_code = OURS

    def __init__(self, *words: object) -> None:
        super().__init__(*(hide(word) if isinstance(word, str) else word for word in words))


class UsageError(RigError):
    """The caller asked for something the rig cannot do."""

    who = "you (the call)"
    exit_code = USAGE


class BenchError(RigError):
    """The bench failed, so the test says nothing about the board."""

    who = "the lab (the bench)"
    exit_code = BENCH


class InstrumentError(BenchError):
    """An instrument refused a command, did not answer or reported a fault."""

    def __init__(self, instrument: str, *, command: str, reply: str) -> None:
        self.instrument = instrument
        self.command = command
        self.reply = reply
        super().__init__(f"{instrument} answered {command!r} with {reply!r}")


class BoardOnError(BenchError):
    """Nothing switched the board off: it is still on."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the board is STILL ON: switch it off by hand; {why}")


class TakenError(BenchError):
    """The place is somebody else's by now."""

    def __init__(self, place: str, by: str) -> None:
        super().__init__(
            f"place {place} was taken by {by} in mid-run: its board is theirs and was left as it is"
        )


class BoardError(RigError):
    """The board did not reach the state it was told to reach."""

    who = "the board's developers"
    exit_code = PRODUCT


class ConsoleSilentError(BoardError):
    """The console stayed silent about what we waited for."""

    def __init__(self, wanted: str, *, waited_s: float, seen: str) -> None:
        self.wanted = wanted
        self.waited_s = waited_s
        self.seen = seen
        super().__init__(f"no {wanted!r} within {waited_s:.1f} s; last seen: {seen[-80:]!r}")


class SilentServiceError(BoardError):
    """The service did not answer the rig, for `silent_s`; its board may say that it is well."""

    def __init__(self, said: str, *, silent_s: float) -> None:
        self.silent_s = silent_s
        self.asked = False  # its board has been
        super().__init__(said)

    def note(self, said: str) -> None:
        """Add what the board said of it."""
        if said:
            self.args = (f"{self}; {said}",)


class CommandFailedError(BoardError):
    """A shell command of a test ended with another exit code than 0."""

    def __init__(self, command: str, *, code: int, said: str) -> None:
        self.code = code
        super().__init__(f"{command!r} ended with {code}: {said[-200:]}")


class PromMissedError(BenchError):
    """The PROM had started the system before the rig's key was there."""

    def __init__(self, times: int) -> None:
        super().__init__(
            f"the PROM looked for a key {times} times and the rig's came too late each time: take"
            " work off the rig's computer, or give the PROM a bootdelay"
        )
