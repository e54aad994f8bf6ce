# SPDX-License-Identifier: MIT
"""Speaking SCPI over any link that keeps questions and answers together."""

import logging
from contextlib import AbstractContextManager
from typing import Protocol

from rig.errors import InstrumentError

log = logging.getLogger(__name__)

POWER_ON = 1 << 7  # of *ESR?, IEEE 488.2, 11.5.1.1.2


class ScpiLink(Protocol):
    """A conversation with one instrument; every call ends within the link's own deadline.

    All methods raise InstrumentError when the instrument does not answer as it should, and
    BenchError when it cannot be reached.
    """

    is_new: bool  # nobody has looked for errors from before since it was opened, or had failed

    @property
    def name(self) -> str: ...
    def query(self, command: str) -> str: ...
    def write(self, command: str) -> None: ...
    def query_block(self, command: str) -> bytes: ...
    def write_block(self, command: str, data: bytes) -> None: ...
    def close(self) -> None: ...

    def alone(self) -> AbstractContextManager[object]:
        """Keep other threads out meanwhile: a command and the error it makes belong together."""
        ...


def send(link: ScpiLink, *commands: str) -> None:
    """Send a group of commands and make sure that the instrument accepted it.

    Raises:
        InstrumentError: the error queue was not empty afterwards.
    """
    with link.alone():
        if link.is_new:
            forget_errors(link)
        for command in commands:
            link.write(command)
        check(link, "; ".join(commands))


def check(link: ScpiLink, command: str) -> None:
    """Empty the error queue.

    Raises:
        InstrumentError: it was not empty; holds the first entry, which is the cause.
    """
    if found := _queued(link):
        raise InstrumentError(link.name, command=command, reply=found[0])


def forget_errors(link: ScpiLink) -> None:
    """Read away and log what somebody else has left in the error queue.

    The queue is the instrument's and not the connection's (SCPI-99 volume 2, 21.8): a person's
    session, another program, or an exchange of ours that broke off may have filled it.
    """
    with link.alone():
        for reply in _queued(link):
            log.warning("%s held an error from before the rig's command: %s", link.name, reply)
        link.is_new = False


def _queued(link: ScpiLink) -> list[str]:
    """Empty the error queue; return what was in it."""
    found: list[str] = []
    for _ in range(64):  # the queue holds 20 (53230A Programmer's Reference, SYSTem:ERRor?)
        reply = link.query("SYST:ERR?").strip()
        code, _, _ = reply.partition(",")
        if code.lstrip("+-") == "0":
            break
        found.append(reply)
    return found


def number(link: ScpiLink, command: str) -> float:
    """Ask for one number.

    Raises:
        InstrumentError: the answer is none, or SCPI's "not a number" or "infinity".
    """
    reply = link.query(command)
    try:
        value = float(reply)
    except ValueError as error:
        raise InstrumentError(link.name, command=command, reply=reply) from error
    if not abs(value) < 9e37:  # SCPI-99 volume 1, 7.2.1.4 and 7.2.1.5
        raise InstrumentError(link.name, command=command, reply=reply)
    return value


def whole(link: ScpiLink, command: str) -> int:
    """Ask for one whole number.

    Raises:
        InstrumentError: the answer is none.
    """
    value = number(link, command)
    if value != int(value):
        raise InstrumentError(link.name, command=command, reply=str(value))
    return int(value)


def identify(link: ScpiLink, *models: str) -> str:
    """Return the ``*IDN?`` answer of one of `models`.

    Raises:
        InstrumentError: another instrument answers.
    """
    identity = link.query("*IDN?").strip()
    fields = identity.split(",")  # IEEE 488.2, 10.14: maker, model, serial number, firmware
    if len(fields) != 4 or fields[1].strip() not in models:
        reply = f"{identity} (wanted a {' or '.join(models)})"
        raise InstrumentError(link.name, command="*IDN?", reply=reply)
    return identity


def check_power(link: ScpiLink) -> None:
    """Make sure that the instrument has not restarted since ``*ESR?`` or ``*CLS`` was last sent.

    Raises:
        InstrumentError: it has, so its settings are lost.
    """
    status = whole(link, "*ESR?")
    if status & POWER_ON:
        reply = f"{status}: it has restarted and lost its settings"
        raise InstrumentError(link.name, command="*ESR?", reply=reply)
