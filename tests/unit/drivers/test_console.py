# SPDX-License-Identifier: MIT
"""What a console says: boots in stages, talk of the kernel's amid a line, noise; any command."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.clock import Deadline, SystemClock
from rig.drivers.console import KEPT, UNREAD_MAX, Boots, Waiter
from rig.drivers.console_log import LINE_MAX, cut_lines
from rig.drivers.prom import PromDriver
from rig.drivers.shell import WalnutShellDriver
from rig.errors import BoardError, ConsoleSilentError
from tests.unit.helpers.spoken import Spoken, Terminal

SPL = "\r\nU-Boot SPL 2018.09 (Mar 04 2021 - 09:15:42 +0000)\r\nTrying to boot from NAND\r\n"
PROPER = "\r\n\r\nU-Boot 2018.09 (Mar 04 2021 - 09:15:42 +0000)\r\n\r\nDRAM:  512 MiB\r\n"
PRINTK = "[   61.204417] jffs2: notice: (79) check_node_data: wrong data CRC in data node\r\n"
PROMPT = "root@walnut:~# "
SHELL_PROMPT = "root@walnut:[^ ]*# "
LIMIT_S = 20.0


def deadline(limit_s: float = LIMIT_S) -> Deadline:
    return Deadline.after(SystemClock(), limit_s)


# ---- boots
def boots(*banners: str) -> int:
    counted = Boots()
    for banner in banners:
        counted.see(banner)
    return counted.count


@pytest.mark.parametrize(
    ("banners", "count"),
    [
        (("U-Boot SPL 2018.09", "U-Boot 2018.09"), 1),
        (("U-Boot TPL 2021.10", "U-Boot SPL 2021.10", "U-Boot 2021.10"), 1),
        (("U-Boot SPL 2018.09", "U-Boot SPL 2018.09", "U-Boot 2018.09"), 2),  # cut in the first
        (("U-Boot 2018.09", "U-Boot 2018.09"), 2),
        (("U-Boot 1.1.4", "U-Boot 1.1.4"), 2),  # as a real Walnut of 2005 says it
        (("U-Boot SPL 2018.09", "U-Boot 2018.09") * 3, 3),
    ],
)
def test_the_stages_of_one_prom_are_one_boot(banners: tuple[str, ...], count: int) -> None:
    assert boots(*banners) == count


def test_a_board_that_starts_again_and_again_is_a_boot_loop() -> None:
    with pytest.raises(BoardError, match="boot loop: the PROM has started 6 times"):
        boots(*("U-Boot SPL 2018.09", "U-Boot 2018.09") * 6)


def test_waiting_counts_a_prom_in_two_stages_once() -> None:
    waiter = Waiter(Spoken((SPL + PROPER + "login: ").encode()), deadline())

    assert waiter.wait(["login: "], "login") == 0
    assert waiter.boots == 1


def test_no_key_is_pressed_when_a_board_begins_to_boot() -> None:
    """A key at its banner would stop U-Boot's countdown."""
    console = Spoken(PROPER.encode())

    with pytest.raises(ConsoleSilentError):
        Waiter(console, deadline(0.3)).wait(
            ["login: "], "login", poke="\n", poke_s=0.2, booting_poke_s=LIMIT_S
        )

    assert console.typed == b""


# ---- noise
def test_noise_without_a_line_end_is_forgotten() -> None:
    """A floating RX line: what has not matched is not kept for ever."""
    console = Spoken()
    waiter = Waiter(console, deadline())

    for _ in range(8):
        console.waiting = b"\xf0" * UNREAD_MAX
        assert waiter.look(["login: "], 0.1) is None
    console.waiting = b"\xf0" * 10 + b"login: "

    assert len(console._expect.buffer) < 2 * UNREAD_MAX
    assert len(console._expect._before.getvalue()) < 2 * UNREAD_MAX
    assert waiter.look(["login: "], 5.0) == 0


def test_a_pattern_that_had_begun_before_noise_was_forgotten_is_still_found() -> None:
    console = Spoken(b"\xf0" * (UNREAD_MAX + KEPT) + b"log")
    waiter = Waiter(console, deadline())

    assert waiter.look(["login: "], 0.1) is None
    console.waiting = b"in: "

    assert waiter.look(["login: "], 5.0) == 0


def test_a_prompt_that_the_kernel_talks_into_is_a_prompt() -> None:
    console = Spoken(f"walnut lo{PRINTK}gin: ".encode())

    assert Waiter(console, deadline()).wait(["walnut login: "], "login") == 0


def test_a_word_that_only_noise_would_join_is_none() -> None:
    """The partner: lines of anybody else's are not taken out."""
    console = Spoken(b"walnut lo\r\ngin: ")

    assert Waiter(console, deadline()).look(["walnut login: "], 0.1) is None


# ---- commands
class Answers:
    """A shell that runs nothing: says what it is told between a command's echo and the prompt."""

    def __init__(self, said: str) -> None:
        self._said = said

    def __call__(self, typed: bytes) -> bytes:
        line = typed.decode()
        found = re.search(r"'(\w{4})''(\w+)'", line)
        assert found
        marker = found[1] + found[2]
        answer = self._said.format(marker=marker, half=marker[:5], rest=marker[5:], talk=PRINTK)
        return (line + answer + PROMPT).encode()


def run(console: Any, command: str, timeout: float = LIMIT_S) -> tuple[list[str], int]:
    stub = SimpleNamespace(console=console, prompt=SHELL_PROMPT, meanwhile=None)
    shell = cast("WalnutShellDriver", stub)
    lines, _, code = WalnutShellDriver._run(shell, command, timeout=timeout)
    return lines, code


@pytest.mark.parametrize(
    "said",
    [
        "{marker}\r\n6.1.0\r\n{marker} 0\r\n",
        "{marker}\r\n6.1.0\r\n{marker} 0\r\n{talk}",
        "{marker}\r\n6.1.0\r\n{half}{talk}{rest} 0\r\n",
        "{half}{talk}{rest}\r\n6.1.0\r\n{marker} 0\r\n",
        "{half}somebody's own word\r\n{rest}\r\n6.1.0\r\n{marker} 0\r\n",
        "{marker}{talk}\r\n6.1.0\r\n{marker} {talk}0{talk}\r\n",
        "{marker}\r\n6.1.0\r\n{marker} 0\r{talk}\n",
    ],
)
def test_a_message_of_the_kernels_beside_an_answer_changes_nothing(said: str) -> None:
    assert run(Spoken(answer=Answers(said)), "uname -r") == (["6.1.0"], 0)


def test_an_exit_code_that_the_kernel_talks_into_is_whole() -> None:
    said = "{marker}\r\n{marker} 12{talk}7\r\n"

    assert run(Spoken(answer=Answers(said)), "nothing") == ([], 127)


def test_what_dmesg_prints_is_its_answer() -> None:
    """The partner: nothing tells the kernel's talk from a listing of it, so it stays."""
    said = "{marker}\r\n{talk}{marker} 0\r\n"

    assert run(Spoken(answer=Answers(said)), "dmesg") == ([PRINTK.strip()], 0)


def test_a_command_that_does_not_end_is_named_in_time() -> None:
    with pytest.raises(ConsoleSilentError, match="the end of 'cat'"):
        run(Spoken(answer=Answers("{marker}\r\n")), "cat", timeout=0.3)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path, PROMPT)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("command", "lines", "code"),
    [
        ("sleep 1 & echo on", ["on"], 0),
        ("sleep 1 &", [], 0),
        ("echo one # two", ["one"], 0),
        ("cat <<END\nfirst\nsecond\nEND", ["first", "second"], 0),
        ("exit 3", [], 3),
        ("for i in 1 2\ndo echo $i\ndone", ["1", "2"], 0),
        ("echo 'U-Boot 2023.01 (Jan 09 2023)'", ["U-Boot 2023.01 (Jan 09 2023)"], 0),
        ('echo "it\'s $((1 + 1))"', ["it's 2"], 0),
        ("printf 'a\tb'", ["a\tb"], 0),  # a line editor would complete a name there
        ("echo 'a\\b\t'", ["a\\b\t"], 0),
        ("false", [], 1),
        ("if true", [], 2),
    ],
)
def test_any_command_runs_and_the_next_one_too(
    terminal: Terminal, command: str, lines: list[str], code: int
) -> None:
    """Each of these hung to the time-out, or ended the login, when it stood between semicolons."""
    found, ended = run(terminal, command)

    if code != 2:
        assert found == lines
    assert ended == code
    assert run(terminal, "echo next") == (["next"], 0)


def test_a_command_leaves_the_shell_as_it_was(terminal: Terminal) -> None:
    before, _ = run(terminal, "pwd")
    for command in ("cd /", "cd / # away", "PATH=/nowhere", "set -eu", "exec true"):
        run(terminal, command)
    assert run(terminal, "pwd") == (before, 0)


# ---- the PROM
class Prom:
    """A U-Boot with a countdown, which takes the first key; `deaf` to its first lines."""

    VERSION = "U-Boot 2023.01+dfsg-2 (Jan 09 2023 - 09:57:45 +0000)qemu-ppce500\r\n\r\ngcc 12\r\n"

    def __init__(self, deaf: int = 0) -> None:
        self._line = b""
        self._counting = True
        self._deaf = deaf

    def __call__(self, typed: bytes) -> bytes:
        said = b""
        for letter in (typed[i : i + 1] for i in range(len(typed))):
            if self._counting:
                self._counting = False
                said += b"\r\n=> "
            elif letter != b"\n":
                self._line += letter
                said += letter
            else:
                line, self._line = self._line.decode(), b""
                said += b"\r\n" + self._run(line).encode() + b"=> "
        return said

    def _run(self, line: str) -> str:
        if not line:
            return ""
        if self._deaf:
            self._deaf -= 1
            return f"Unknown command '{line[1:5]}' - try 'help'\r\n"
        said = ""
        for command in line.split("; "):
            if command.startswith("echo "):
                said += command[5:].replace("'", "").replace('"', "").replace("$?", "0") + "\r\n"
            elif command == "version":
                said += self.VERSION
        return said


def prom(console: Any, limit_s: float = LIMIT_S) -> Any:
    stub = SimpleNamespace(
        console=console,
        prompt="=> ",
        interrupt="\n",
        login_timeout_s=limit_s,
        _status=0,
        autoboot="",
        password_prompt="enter Password:",  # noqa: S106 # what labgrid expects by default
        _init=lambda: None,
    )
    PromDriver._await_prompt(cast("PromDriver", stub))
    return stub


@pytest.mark.parametrize("deaf", [0, 1])
def test_a_prom_is_asked_again_until_it_has_taken_a_command(deaf: int) -> None:
    found = prom(Spoken(b"Hit any key to stop autoboot:  1 ", Prom(deaf)))

    assert PromDriver._run(found, "echo on")[0] == ["on"]


def test_a_prompt_that_takes_no_command_is_an_old_one() -> None:
    """The partner: what a boot before this one had said."""
    with pytest.raises(BoardError, match="prompt '=> '"):
        prom(Spoken(b"=> "), limit_s=0.3)


def test_version_at_the_proms_prompt_is_no_boot() -> None:
    """It prints the banner, which at 9600 baud comes by itself."""
    found = prom(Spoken(b"", Prom(), slow=True))

    lines, _, code = PromDriver._run(found, "version")

    assert (lines[0], code) == (Prom.VERSION.partition("\r")[0], 0)


# ---- the log
def test_a_log_keeps_what_never_ends_a_line_and_holds_no_more_than_a_line_of_it() -> None:
    noise = b"\xf0" * (2 * LINE_MAX)

    lines, rest = cut_lines(b"one\r\ntwo\n" + noise + b"end")

    assert lines == [b"one\r", b"two", noise[:LINE_MAX], noise[:LINE_MAX]]
    assert rest == b"end"
