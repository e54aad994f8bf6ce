# SPDX-License-Identifier: MIT
"""A link that knows one conversation by heart, and a clock that only moves when told."""

import struct
from contextlib import AbstractContextManager, nullcontext

from rig.errors import InstrumentError

OK = ("SYST:ERR?", '+0,"No error"')


class Dialogue:
    """Plays an exchange: a string is a command, a pair a question and its answer.

    Anything that is not the next line fails at once, and so does what was left unsaid.
    """

    def __init__(self, *exchange: str | tuple[str, str | bytes]) -> None:
        self.name = "instrument"
        self.is_new = False  # somebody has looked into its error queue
        self._exchange = list(exchange)

    def _next(self, command: str) -> str | bytes | None:
        assert self._exchange, f"{command!r} though the conversation is over"
        line = self._exchange.pop(0)
        wanted, answer = (line, None) if isinstance(line, str) else line
        assert command == wanted
        return answer

    def write(self, command: str) -> None:
        assert self._next(command) is None, f"{command!r} is a question"

    def query(self, command: str) -> str:
        answer = self._next(command)
        assert isinstance(answer, str), f"{command!r} is no question for a text"
        return answer

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def query_block(self, command: str) -> bytes:
        answer = self._next(command)
        if answer == "no block":
            raise InstrumentError(self.name, command=command, reply="garbage")
        assert isinstance(answer, bytes), f"{command!r} is no question for a block"
        return answer

    def write_block(self, command: str, data: bytes) -> None:
        raise AssertionError(f"nobody writes a block here: {command!r}")

    def close(self) -> None: ...

    def over(self) -> None:
        assert not self._exchange, f"never said: {self._exchange}"


class StillClock:
    """Time passes in `sleep` only."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s


def floats(*values: float) -> bytes:
    """Pack as FORM REAL,64 and FORM:BORD NORM do."""
    return struct.pack(f">{len(values)}d", *values)


def pairs(*values: tuple[float, int]) -> bytes:
    """Pack as FORM PACK with time stamps does: a number and picoseconds."""
    return b"".join(struct.pack(">dq", value, stamp) for value, stamp in values)
