# SPDX-License-Identifier: MIT
"""A board that asks for a password gets the place file's; without one it is the file's mistake."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labgrid import Target
from labgrid.driver import ExternalConsoleDriver

from rig.drivers.console_stream import ConsoleStream
from rig.drivers.prom import PromDriver
from rig.drivers.shell import WalnutShellDriver
from rig.errors import PromMissedError, UsageError

LINUX = """\
import re, sys
state = "login"
def say(text):
    print(text, end="", flush=True)
say("\\nwalnut login: ")
for line in sys.stdin:
    line = line.strip()
    if state == "login":
        state = "password" if line == "root" else state
        say("Password: " if line == "root" else "walnut login: ")
    elif state == "password":
        state = "shell" if line == "walnut" else "login"
        say("# " if line == "walnut" else "Login incorrect\\nwalnut login: ")
    else:
        for marker in re.findall(r"'(\\w+)''(\\w+)'", line)[:1]:
            say(f"{marker[0]}{marker[1]}\\nhere\\n{marker[0]}{marker[1]} 0\\n")
        say("# ")
"""
PROM = """\
import re, sys
def say(text):
    print(text, end="", flush=True)
state = sys.argv[1]
say("U-Boot 2023.01\\nHit key in 1 s\\n")
if state == "locked":
    say("enter Password:")
for line in sys.stdin:
    line = line.strip()
    if state == "gone":
        say("Starting kernel\\n")
    elif state == "locked":
        state = "open" if line == "secret" else state
        say("=> " if line == "secret" else "enter Password:")
    else:
        marker = "".join((re.findall(r"'(\\w+)''(\\w+)'", line) or [""])[0])
        code = 1 if "bad" in line else 0
        if '"$?"' in line:
            say(f"{marker}\\n{line.split(';')[1].strip()}\\n{code}\\n{marker}\\n")
        elif marker:
            say(f"{marker}\\n")
        say("=> ")
"""


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target("main")
    yield target
    target.cleanup()


def board(target: Target, folder: Path, program: str, word: str = "") -> None:
    """Put a program in the board's place, behind the target's console."""
    path = folder / "board.py"
    path.write_text(program)
    ExternalConsoleDriver(target, None, cmd=f"{sys.executable} {path} {word}")
    ConsoleStream(target.get_driver("ExternalConsoleDriver", activate=False), "a program")


def shell(target: Target, password: str | None) -> Any:
    kind: Any = WalnutShellDriver
    values = {"prompt": "# ", "login_prompt": "login: ", "username": "root", "password": password}
    return kind(target, None, **values)


def prom(target: Target, **values: object) -> Any:
    kind: Any = PromDriver
    return kind(target, None, prompt="=> ", **values)


def test_the_places_password_is_given(target: Target, tmp_path: Path) -> None:
    board(target, tmp_path, LINUX)
    driver = shell(target, "walnut")
    target.activate(driver)

    assert driver.run("echo here") == (["here"], [], 0)


def test_a_board_that_asks_for_a_password_that_is_not_there_is_not_blamed(
    target: Target, tmp_path: Path
) -> None:
    board(target, tmp_path, LINUX)
    with pytest.raises(UsageError, match=r"WalnutShellDriver\.password is missing"):
        target.activate(shell(target, None))


def test_a_password_that_is_refused_is_the_files_mistake(target: Target, tmp_path: Path) -> None:
    board(target, tmp_path, LINUX)
    with pytest.raises(UsageError, match=r"refused root 3 times: see .*password"):
        target.activate(shell(target, "wrong"))


def test_a_locked_prom_is_unlocked(target: Target, tmp_path: Path) -> None:
    board(target, tmp_path, PROM, "locked")
    driver = prom(target, password="secret")  # noqa: S106
    target.activate(driver)

    assert driver.run("version") == (["version"], [], 0)


def test_a_locked_prom_without_a_password_is_the_files_mistake(
    target: Target, tmp_path: Path
) -> None:
    board(target, tmp_path, PROM, "locked")
    with pytest.raises(UsageError, match=r"PromDriver\.password is missing"):
        target.activate(prom(target))


def test_no_key_is_typed_before_the_prom_looks_for_one(target: Target, tmp_path: Path) -> None:
    board(target, tmp_path, PROM, "open")
    driver = prom(target, autoboot="Hit key", init_commands=["setenv a 1"])
    target.activate(driver)

    assert driver.get_status() == 1


def test_a_prom_that_has_gone_on_is_missed(target: Target, tmp_path: Path) -> None:
    board(target, tmp_path, PROM, "gone")
    with pytest.raises(PromMissedError):
        target.activate(prom(target, autoboot="Hit key"))


def test_a_command_of_the_place_file_that_fails_is_the_files_mistake(
    target: Target, tmp_path: Path
) -> None:
    board(target, tmp_path, PROM, "open")
    with pytest.raises(UsageError, match=r"init_commands: 'bad command' ended with 1"):
        target.activate(prom(target, init_commands=["setenv a 1", "bad command"]))
