# SPDX-License-Identifier: MIT
"""What `rig doctor` says of a computer: each line is well, or says what to do."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rig import state_folder
from rig.errors import BenchError, UsageError
from rig.place import computer
from rig.place.computer import Check, Wanted, checks
from rig.place.doctor import examine

INDEX = {"sources": {"u-boot": "2023.01+dfsg-2"}, "releases": {"1.0.0": {}, "2.0.0": {}}}


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wanted:
    """Ask for what there is: a program, free ports, built firmware, folders of our own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    index = tmp_path / "index.json"
    index.write_text(json.dumps(INDEX))
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    return Wanted(tools={"python3": "python3"}, tcp=[port], udp=[port], index=index)


def of(wanted: Wanted, words: str) -> Check:
    (found,) = [check for check in checks(wanted) if words in check.name]
    return found


def test_a_good_computer_is_well(wanted: Wanted, capsys: pytest.CaptureFixture[str]) -> None:
    assert of(wanted, "python3").name.startswith("python3: Python 3")
    assert of(wanted, "firmware").name == "firmware: 2 releases of u-boot 2023.01+dfsg-2"
    for words in ("its state", "caches", "temporary files", "ports"):
        assert of(wanted, words).act == ""
    failing = {check.name for check in checks(wanted) if check.act and check.fails}

    assert examine([], wanted, offline=True) == (not failing)

    said = capsys.readouterr().out.splitlines()
    assert {line[:5] for line in said} <= {"ok   ", "mind ", "BAD  ", "     "}


def tool(folder: Path, text: str) -> Path:
    path = folder / "nbdkit"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("does", "act"),
    [
        (None, "`make set-up` installs nbdkit and its plug-in"),
        ("exit 127", "install nbdkit and its plug-in again"),
        ("exec sleep 60", "timed out"),
        ("printf '\\377\\n'", ""),
    ],
)
def test_a_program_that_is_not_there_or_broken_is_named(
    wanted: Wanted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    does: str | None,
    act: str,
) -> None:
    monkeypatch.setattr(computer, "ANSWER_S", 0.5 if does == "exec sleep 60" else 5.0)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    if does:
        tool(tmp_path, does)
    tools = {str(tmp_path / "nbdkit"): "nbdkit and its plug-in"}

    found = next(checks(Wanted(tools=tools, tcp=[1], udp=[], index=wanted.index)))

    assert act in found.act
    assert bool(found.act) == bool(act)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"releases": {}}'])
def test_firmware_that_is_not_built_says_how(wanted: Wanted, text: str | None) -> None:
    if text is None:
        wanted.index.unlink()
    else:
        wanted.index.write_text(text)
    found = of(wanted, "software is built")
    assert found.fails
    assert "`make firmware`" in found.act


def test_a_folder_that_cannot_be_written_says_which_variable(
    wanted: Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "state"))
    found = of(wanted, "its state")
    assert found.fails
    assert "have HOME or XDG_STATE_HOME name one" in found.act


def test_a_port_that_is_taken_is_named_with_who_has_it(wanted: Wanted) -> None:
    (port,) = wanted.tcp
    with socket.create_server(("127.0.0.1", port)):
        found = of(wanted, "ports")
    assert f"taken: {port} by process {os.getpid()} (" in found.act
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        found = of(wanted, "ports")
    assert f"by process {os.getpid()} (" in found.act
    assert of(wanted, "ports").act == ""


def test_ports_of_a_bench_that_is_up_are_its_own(wanted: Wanted) -> None:
    (port,) = wanted.tcp
    up = Wanted(tools={}, tcp=[port], udp=[], index=wanted.index, up=True)
    with socket.create_server(("127.0.0.1", port)):
        assert of(up, "is up on its ports").act == ""


def test_a_clock_of_1970_fails(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computer, "wall_time_s", lambda: 900.0)
    found = of(wanted, "the clock says 1970-01-01 00:15")
    assert found.fails
    assert found.act


@pytest.mark.parametrize(
    ("bound", "value", "words"),
    [("MEMORY_MIN", 1 << 60, "of memory are free"), ("DISK_MIN", 1 << 60, "of disk are free")],
)
def test_too_little_room_fails(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, words: str
) -> None:
    monkeypatch.setattr(computer, bound, value)
    monkeypatch.setattr(computer, "MEMORY_GOOD", value)
    found = [check for check in checks(wanted) if words in check.name]
    assert found
    assert all(check.act and check.fails for check in found)


def test_a_busy_computer_is_told_and_fails_nothing(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    found = of(wanted, "load 1000.0")
    assert found.act
    assert not found.fails
    assert str(found).startswith("mind load")


def test_the_command_says_its_version() -> None:
    words = [sys.executable, "-m", "rig.cli", "--version"]
    said = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout
    assert said.startswith("walnut-rig 0.")


# ---- a user without a home
@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a container's user: no HOME, no XDG folders, no line in /etc/passwd."""
    for variable in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)


@pytest.mark.usefixtures("homeless")
def test_a_user_without_a_home_is_told_which_variable() -> None:
    with pytest.raises(UsageError, match="HOME or XDG_STATE_HOME"):
        state_folder.folder("locks")
    with pytest.raises(UsageError, match="HOME or XDG_CACHE_HOME"):
        state_folder.cache()


def test_a_home_that_cannot_be_written_is_the_benchs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(BenchError, match="have HOME or XDG_STATE_HOME name"):
        state_folder.folder("locks")


def test_a_folder_that_is_not_absolute_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG Base Directory Specification; else it would depend on where a command is given."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert state_folder.home() == tmp_path / ".local" / "state"
