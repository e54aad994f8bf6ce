# SPDX-License-Identifier: MIT
"""An SCPI-99 / IEEE 488.2 instrument: its commands, its error queue, its registers.

Why our own: no kept package serves IEEE blocks and errors as instruments do.  SCPI-1999 volume 1,
IEEE 488.2-1992 chapters 7 to 11.
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from rig.virtual.instruments.scpi_link import LinkFaults

if TYPE_CHECKING:
    import asyncio

QUEUE_LENGTH = 20
MESSAGES = {
    -102: "Syntax error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -350: "Queue overflow",
}

Answer = str | bytes | None
Handler = Callable[..., Answer | Awaitable[Answer]]


class ScpiError(Exception):
    """An error for the instrument's queue; an erroneous query has no answer."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def command(pattern: str) -> Callable[[Handler], Handler]:
    """Mark a method as the handler of `pattern`, such as `[:SENSe]:TSTamp:RATE?`.

    Capitals are the short form, brackets an optional node, `#` a numeric suffix (an argument).
    """
    text = ""
    for part in re.finditer(r"(\[)?:?([*A-Za-z0-9]+)(#)?(\])?", pattern.rstrip("?")):
        optional, word, suffix, _ = part.groups()
        short = "".join(character for character in word if not character.islower())
        node = re.escape(short)
        if short != word:
            node += f"(?:{word[len(short) :].upper()})?"
        if suffix:
            node += r"(\d*)"
        text += f"(?::{node})" + ("?" if optional else "")
    regex = re.compile(f"^{text}$")

    def mark(handler: Handler) -> Handler:
        handler.scpi = (regex, pattern.endswith("?"))  # type: ignore[attr-defined]
        return handler

    return mark


def block(data: bytes) -> bytes:
    """Wrap bytes in a definite-length block, IEEE 488.2 §8.7.9."""
    length = str(len(data))
    return f"#{len(length)}{length}".encode() + data


class Instrument:
    """Common commands, the error queue and the compound-path rule."""

    identity = "Walnut,GENERIC,0,1.0"

    def __init__(self) -> None:
        handlers = (handler for _, handler in inspect.getmembers(self, callable))
        self._table = [(*item.scpi, item) for item in handlers if hasattr(item, "scpi")]
        self._errors: list[tuple[int, str]] = []
        self._esr = 128  # power on
        self._ese = 0
        self.faults = LinkFaults()
        self.links: set[asyncio.StreamWriter] = set()

    def error(self, code: int, detail: str = "") -> None:
        text = MESSAGES.get(code, "Device-specific error") + (f";{detail}" if detail else "")
        if len(self._errors) >= QUEUE_LENGTH:
            self._errors[-1] = (-350, MESSAGES[-350])
        else:
            self._errors.append((code, text))
        self._esr |= 32 if code > -200 else 16 if code > -300 else 8

    def reset(self) -> None:
        """Do what `*RST` does to this instrument."""

    def power_cycle(self) -> None:
        """Lose every connection, the registers and what is volatile; set the power-on bit."""
        for link in self.links:
            link.transport.abort()
        self.links.clear()
        self._errors.clear()
        self._esr, self._ese = 128, 0
        self.reset()

    def misbehave(self, fault: str, value: str) -> None:
        """Do one of INSTRUMENT_FAULTS, as told over the bench's control channel."""
        if fault == "power-cycle":
            self.power_cycle()
            self.faults.restarted = True
        elif fault in {"delay", "jitter"}:
            setattr(self.faults, f"{fault}_s", float(value))
        else:
            setattr(self.faults, fault, int(value))

    @command("*IDN?")
    def _identity(self) -> str:
        return self.identity

    @command("*RST")
    def _reset(self) -> None:
        self.reset()

    @command("*CLS")
    def _clear(self) -> None:
        self._errors.clear()
        self._esr = 0

    @command("*ESR?")
    def _event_status(self) -> str:
        value, self._esr = self._esr, 0
        return f"+{value}"

    @command("*ESE")
    def _enable(self, value: str) -> None:
        self._ese = int(value) & 255

    @command("*ESE?")
    def _enabled(self) -> str:
        return f"+{self._ese}"

    @command("*STB?")
    def _status(self) -> str:
        return f"+{(4 if self._errors else 0) | (32 if self._esr & self._ese else 0)}"

    @command("*OPC")
    def _complete(self) -> None:
        self._esr |= 1

    @command("*OPC?")
    def _completed(self) -> str:
        return "1"

    @command("*WAI")
    def _wait(self) -> None:
        """Nothing here overlaps."""

    @command("*TST?")
    def _test(self) -> str:
        return "+0"

    @command("SYSTem:ERRor[:NEXT]?")
    def _next_error(self) -> str:
        code, text = self._errors.pop(0) if self._errors else (0, "No error")
        return f'{code:+d},"{text}"'

    @command("SYSTem:VERSion?")
    def _version(self) -> str:
        return "1999.0"

    async def execute(self, message: bytes, data: bytes | None = None) -> bytes | None:
        """Run one message; `data` stands for its block, if it had one."""
        answers: list[bytes] = []
        path = ""
        for part in split(message.decode("latin-1"), ";"):
            if not (text := part.strip()):
                continue
            head, _, rest = text.partition(" ")
            header, path = _full_header(head.upper(), path)
            try:
                answer = await self._call(header, rest, data)
            except ScpiError as problem:
                self.error(problem.code, problem.detail)
                break
            except ValueError:
                self.error(-224, text[:40])
                break
            if answer is not None:
                answers.append(answer)
        return b";".join(answers) if answers else None

    async def _call(self, header: str, rest: str, data: bytes | None) -> bytes | None:
        for regex, is_query, handler in self._table:
            match = regex.match(header.rstrip("?"))
            if not match or is_query != header.endswith("?"):
                continue
            texts = [text.strip() for text in split(rest, ",") if text.strip()]
            arguments: list[Any] = list(match.groups())
            arguments += [data if text == "#" else text for text in texts]
            try:
                inspect.signature(handler).bind(*arguments)
            except TypeError:
                raise ScpiError(-108 if texts else -109, header) from None
            answer = handler(*arguments)
            if inspect.isawaitable(answer):
                answer = await answer
            return answer.encode("latin-1") if isinstance(answer, str) else answer
        raise ScpiError(-113, header)


def _full_header(head: str, path: str) -> tuple[str, str]:
    """Apply the compound rule: a header without a colon goes on where the last one was."""
    if head.startswith("*"):
        return f":{head}", path
    header = head if head.startswith(":") else f"{path}:{head}"
    return header, header.rpartition(":")[0]


def split(text: str, separator: str) -> list[str]:
    """Split outside of quotes and parentheses."""
    parts, depth, quote, current = [], 0, "", ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        if character == separator and depth == 0 and not quote:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current]
