# SPDX-License-Identifier: MIT
"""Consoles without equipment: one that has said all already, one with a real shell behind it."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
from labgrid.util import PtxExpect


class Console:
    """What the rig's readers need of labgrid's SerialDriver."""

    def __init__(self) -> None:
        self._expect = PtxExpect(self)

    def expect(self, patterns: Any, timeout: float) -> tuple[int, Any, Any, Any]:
        index = self._expect.expect(patterns, timeout=timeout)
        return index, self._expect.before, self._expect.match, self._expect.after

    def sendline(self, line: str) -> None:
        self.write(line.encode() + b"\n")

    def read(self, size: int = 1, timeout: float = 0.0) -> bytes:
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        raise NotImplementedError


class Spoken(Console):
    """Has said `said`; says what `answer` makes of what is typed.  `slow`: a byte a read."""

    def __init__(
        self,
        said: bytes = b"",
        answer: Callable[[bytes], bytes] = lambda _: b"",
        *,
        slow: bool = False,
    ) -> None:
        super().__init__()
        self.waiting = said
        self.typed = b""
        self._answer = answer
        self._slow = slow

    def read(self, size: int = 1, timeout: float = 0.0) -> bytes:
        if not self.waiting:
            time.sleep(min(max(timeout, 0.001), 0.01))
            raise pexpect.TIMEOUT("silence")
        size = 1 if self._slow else len(self.waiting)
        found, self.waiting = self.waiting[:size], self.waiting[size:]
        return found

    def write(self, data: bytes) -> None:
        self.typed += data
        self.waiting += self._answer(data)


class Terminal(Console):
    """A shell of this computer's BusyBox on a terminal of its own."""

    def __init__(self, folder: Path, prompt: str) -> None:
        super().__init__()
        self._end, theirs = pty.openpty()
        names = {"PS1": prompt, "PATH": os.environ["PATH"], "HOME": str(folder)}
        self._shell = subprocess.Popen(
            ["busybox", "sh", "-i"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**names, "ENV": "/dev/null"},
            start_new_session=True,
        )
        os.close(theirs)

    def read(self, size: int = 1, timeout: float = 0.0) -> bytes:
        if not select.select([self._end], [], [], timeout)[0]:
            raise pexpect.TIMEOUT("silence")
        return os.read(self._end, 4096)

    def write(self, data: bytes) -> None:
        os.write(self._end, data)

    def close(self) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._end)
