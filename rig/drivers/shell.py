# SPDX-License-Identifier: MIT
"""Linux on the console: log in, run commands, bear kernel messages and noise."""

import contextlib
import re
import shlex
from collections.abc import Callable
from typing import Any

import attr
from labgrid.driver.shelldriver import ShellDriver
from labgrid.factory import target_factory
from labgrid.step import step
from labgrid.util import gen_marker, re_vt100

from rig.board.kernel_messages import PRINTK, without_printk
from rig.clock import Deadline, SystemClock
from rig.drivers.console import Waiter, fresh
from rig.errors import ConsoleSilentError, UsageError

IDLE_POKE_S = 0.5
BOOTING_POKE_S = 20.0
ASKS = r"[Pp]ass\w*: ?"  # for a password
REFUSALS_MAX = 3  # a noisy line may garble one
PROMPT_S = 2.0  # after a command's end
# A program and words that mean nothing to a shell; and what is no program, but the shell's own.
PLAIN = re.compile(r"[\w./-]+(?: [\w./:=+,@%-]+)*", re.ASCII)
OF_THE_SHELL = frozenset(
    [
        ".",
        "alias",
        "break",
        "case",
        "cd",
        "command",
        "continue",
        "do",
        "done",
        "elif",
        "else",
        "esac",
        "eval",
        "exec",
        "exit",
        "export",
        "fi",
        "for",
        "function",
        "getopts",
        "hash",
        "if",
        "jobs",
        "kill",
        "local",
        "logout",
        "read",
        "readonly",
        "return",
        "set",
        "shift",
        "source",
        "then",
        "time",
        "times",
        "trap",
        "type",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "until",
        "wait",
        "while",
    ]
)
# Where the kernel may talk into a word of ours: up to its line end.
TALK = r"(?:[^\r\n]+\r*\n)??"


@target_factory.reg_driver
@attr.s(eq=False)
class WalnutShellDriver(ShellDriver):
    """labgrid's ShellDriver with one deadline for all of logging in.

    Args:
        login_timeout_s (float): how long it may take from power-on to the prompt
    """

    unused = {
        "login_timeout": "write boot_limit_s of WalnutStrategy",
        "await_login_timeout": "the rig asks again by itself",
        "post_login_settle_time": "the rig asks until the shell answers",
        "console_ready": "the rig presses return by itself",
        "keyfile": "the rig copies no keys",
    }
    login_timeout_s = attr.ib(default=60.0, converter=float)
    boots = 0  # how often the PROM started while we waited for the login
    # A key at the wrong moment stops U-Boot's autoboot.  So the strategy says whether the board is
    # known to be booting (it will say `login:` itself), and what to do if it stands in the PROM.
    booting = False
    prom_prompt = ""
    prom_command = ""
    meanwhile: Callable[[], object] | None = None  # called while a command runs; may end it

    def on_activate(self) -> None:
        if self._status == 0:
            self._await_login()

    @step()
    def _await_login(self) -> None:
        """Log in from wherever the board is.

        Raises:
            BoardError: it does not come up in time.
            UsageError: the place file has no password, or the board refuses it.
        """
        deadline = Deadline.after(SystemClock(), self.login_timeout_s)
        fresh(self.console)
        waiter = Waiter(self.console, deadline)
        patterns = [self.login_prompt, self.prompt]
        if self.prom_prompt:
            patterns.append(self.prom_prompt)
        asks = len(patterns)
        patterns.append(ASKS)
        refused, is_told = 0, False  # how often the password was; whether it was given
        poke_s = BOOTING_POKE_S if self.booting else IDLE_POKE_S
        named = False  # a prompt that follows the user's name is this boot's
        try:
            while True:
                found = waiter.wait(
                    patterns,
                    "shell prompt after the login" if named else "login prompt or shell prompt",
                    poke="\n",
                    poke_s=poke_s,
                    booting_poke_s=BOOTING_POKE_S,
                )
                if found == asks:
                    if named:  # else somebody else was asked
                        self.console.sendline(self._password(refused))
                        is_told = True
                elif found == 2:
                    self.console.sendline(self.prom_command)
                    poke_s, named = BOOTING_POKE_S, False
                elif found == 0:
                    refused, is_told = refused + is_told, False
                    self.console.sendline(self.username)
                    poke_s, named = PROMPT_S, True
                elif self.booting and not named:
                    continue  # from before the power went: its last bytes were still on their way
                elif self._answers():
                    break
        finally:
            self.boots = waiter.boots
        self._status = 1

    def _password(self, refused: int) -> str:
        """Return the password, unless the file has none or the board has refused it too often."""
        where = "targets.main.drivers.WalnutShellDriver.password"
        if self.password is None:
            raise UsageError(f"the board asks for {self.username}'s password: {where} is missing")
        if refused >= REFUSALS_MAX:
            raise UsageError(f"the board has refused {self.username} {refused} times: see {where}")
        return str(self.password)

    def _answers(self) -> bool:
        """Tell whether a shell is there: a prompt alone may be an old one."""
        try:
            lines, _, code = self._run("echo here", timeout=10.0)
        except ConsoleSilentError:
            return False
        return bool(code == 0 and without_printk("\n".join(lines) + "\n").strip() == "here")

    def _run(self, cmd: str, *, timeout: float = 30.0, **_: object) -> Any:  # noqa: ANN401
        """Run `cmd`; return (lines, [], exit code).

        In a shell of its own, if it might end the login or change it.  What the kernel says
        meanwhile is among the lines, as nothing tells it from `dmesg`'s.
        """
        marker = gen_marker()
        hidden = f"'{marker[:4]}''{marker[4:]}'"
        self.console.sendline(f"echo {hidden}; {_contained(cmd)}; echo {hidden} $?")
        deadline = Deadline.after(SystemClock(), timeout)
        answer = Waiter(self.console, deadline, is_answer=True, meanwhile=self.meanwhile)
        answer.wait([_ends(marker)], f"the end of {cmd!r}")
        said, code = answer.groups()
        lines = re_vt100.sub("", said).replace("\r", "").split("\n")
        while lines and not lines[-1]:
            lines.pop()
        _pass_prompt(self.console, self.prompt)
        return lines, [], int(without_printk(code))


def _pass_prompt(console: Any, prompt: str) -> None:  # noqa: ANN401 # labgrid is untyped
    """Read the prompt after a command that has ended; it may be lost on the line."""
    waiter = Waiter(console, Deadline.after(SystemClock(), PROMPT_S))
    with contextlib.suppress(ConsoleSilentError):
        waiter.wait([prompt], "the prompt after a command")


def _contained(command: str) -> str:
    """Return what runs a command so that the shell goes on as it was, whatever it holds."""
    if PLAIN.fullmatch(command) and command.split(maxsplit=1)[0] not in OF_THE_SHELL:
        return command
    return f"(eval {_quoted(command)})"


def _quoted(command: str) -> str:
    """Quote a command for `eval`, without a key that a line editor would take for its own."""
    if all(letter.isprintable() or letter == "\n" for letter in command):
        return shlex.quote(command)
    escaped = "".join(
        letter if letter.isprintable() and letter not in "\\'" else f"\\0{ord(letter):o}"
        for letter in command
    )
    return f"\"$(printf %b '{escaped}')\""


def _ends(marker: str) -> str:
    """Return the pattern of an answer: marker, lines, marker and exit code."""
    mark = TALK.join(re.escape(letter) for letter in marker)
    code = rf"\d(?:(?:{PRINTK})?\d)*(?:{PRINTK})?"
    end = rf"\r?{TALK}\n"
    return rf"{mark}{TALK}{end}(?s:(.*?)){mark}{TALK} {TALK}({code}){end}"
